//! The contract of the API is tested in `contract/`, the write side in `recording/`; there is nothing
//! to import here.
