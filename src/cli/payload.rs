//! What the datagrams of a UDP check are to carry (`--payload`): a text, bytes in hexadecimal, or a file.

use std::fs::File;
use std::io::Read as _;

use super::Usage;
use super::value::wrong;
use crate::model::options::Payload;
use crate::model::text;

/// The most bytes that a datagram may carry: what passes most tunnels whole.
const MOST: usize = 1400;

/// Reads the value of `--payload`.
///
/// # Errors
/// It is no hexadecimal, the file can't be read, or there are too many bytes.
pub(super) fn read(typed: &str) -> Result<Payload, Usage> {
    let (name, bytes) = if let Some(digits) = typed.strip_prefix("hex:") {
        let bytes = text::unhex(digits).ok_or_else(|| {
            let what = if digits.len() % 2 == 1 && digits.bytes().all(|c| c.is_ascii_hexdigit()) {
                "a byte has two hexadecimal digits, and their number is odd"
            } else {
                "what follows `hex:` is not hexadecimal"
            };
            wrong("--payload", what)
        })?;
        ("the bytes of --payload".to_owned(), bytes)
    } else if let Some(path) = typed.strip_prefix('@') {
        (format!("the contents of {path}"), file(path)?)
    } else {
        (
            "the text of --payload".to_owned(),
            typed.as_bytes().to_vec(),
        )
    };
    if bytes.len() > MOST {
        return Err(wrong(
            "--payload",
            format!("it has more than {MOST} bytes, the most that one datagram carries here"),
        ));
    }
    Ok(Payload::given(name, &bytes))
}

/// The contents of a file, as far as it takes to see that they are too long.
fn file(path: &str) -> Result<Vec<u8>, Usage> {
    let unreadable =
        |error: std::io::Error| wrong("--payload", format!("`{path}` can't be read: {error}"));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{MOST, read};

    #[test]
    fn text_and_hexadecimal_give_their_bytes() {
        for (typed, bytes) in [
            ("ping\n", &b"ping\n"[..]),
            ("hex:00fFa0", &[0, 255, 160]),
            ("hex:", b""),
            ("", b""),
        ] {
            let payload = read(typed).unwrap();
            assert_eq!(payload.bytes().unwrap(), bytes, "{typed}");
            assert_eq!(usize::from(payload.length), bytes.len());
            assert_eq!(payload.silent, None);
        }
    }

    #[test]
    fn what_is_no_payload_says_what_was_expected() {
        let long = "x".repeat(MOST + 1);
        for (typed, what) in [
            ("hex:0", "odd"),
            ("hex:0g", "not hexadecimal"),
            ("hex:é", "not hexadecimal"),
            ("@/nonexistent/file", "can't be read"),
            ("@/", "can't be read"),
            ("@/dev/zero", "more than 1400"),
            (&long, "more than 1400"),
        ] {
            let complaint = read(typed).unwrap_err().to_string();
            assert!(complaint.contains(what), "{typed}: {complaint}");
            assert!(complaint.contains("--payload hex:"), "{complaint}");
        }
        assert!(read(&long[1..]).is_ok());
    }
}
