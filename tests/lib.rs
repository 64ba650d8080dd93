//! The contract of the API is tested in `contract/`; there is nothing to import here.
