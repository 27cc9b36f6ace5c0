//! What a check found, before whoever runs it adds the contract's name and where it was seen. It must not know
//! exchanges: evidence travels beside it.

use harness_core::event::ContractCheck;

/// One breach of a contract, or one thing that kept it from being checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind of check.
    pub check: ContractCheck,
    /// `GET /orders/{id}`, or the document's name.
    pub operation: String,
    /// What is wrong, one sentence.
    pub message: String,
    /// Equal findings share it, across runs too: check, operation, then status or pointer.
    pub key: String,
}

impl Finding {
    /// A finding whose key is made of its check, its operation and `detail`, the part that tells it from others of
    /// the same check and operation; nothing that changes from run to run may be in `detail`.
    pub(crate) fn new(
        check: ContractCheck,
        operation: &str,
        detail: &str,
        message: String,
    ) -> Self {
        let key = format!("{}:{operation}:{detail}", check.as_str());
        Self {
            check,
            operation: operation.to_owned(),
            message,
            key,
        }
    }
}
