//! What a service says when it will not.

use std::borrow::Cow;

/// A refusal, with the service's own code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    pub code: Cow<'static, str>,
    pub message: String,
}

impl ServiceError {
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        ServiceError { code: code.into(), message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        ServiceError::new("InvalidParametersException", message)
    }

    pub fn missing(message: impl Into<String>) -> Self {
        ServiceError::new("ResourceNotFoundException", message)
    }

    pub fn state(message: impl Into<String>) -> Self {
        ServiceError::new("InvalidStateException", message)
    }
}

pub type Answer<T> = Result<T, ServiceError>;
