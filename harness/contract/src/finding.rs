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
        let key = format!("{}:{operation}:{detail}", word(check));
        Self {
            check,
            operation: operation.to_owned(),
            message,
            key,
        }
    }
}

const fn word(check: ContractCheck) -> &'static str {
    match check {
        ContractCheck::Document => "document",
        ContractCheck::Preflight => "preflight",
        ContractCheck::ServerError => "server-error",
        ContractCheck::UndocumentedStatus => "undocumented-status",
        ContractCheck::ContentType => "content-type",
        ContractCheck::BodySchema => "body-schema",
        ContractCheck::ValidRefused => "valid-refused",
        ContractCheck::Unreachable => "unreachable",
        ContractCheck::NotExercised => "not-exercised",
    }
}
