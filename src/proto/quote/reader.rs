//! Taking big-endian numbers off the front of bytes that may end anywhere.

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next `count` bytes; where there are fewer, `None`, and nothing more can be read.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let split = self.bytes.split_at_checked(count);
        let (taken, rest) = split.unwrap_or((&[], &[]));
        self.bytes = rest;
        split.map(|_| taken)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.number().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.number().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.number().map(u32::from_be_bytes)
    }

    pub(super) fn u128(&mut self) -> Option<u128> {
        self.number().map(u128::from_be_bytes)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
}
