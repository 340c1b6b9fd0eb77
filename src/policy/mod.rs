//! Pure: rules evaluated as the kernel does, three-valued where something is not understood.

pub mod routing;
