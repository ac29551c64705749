//! What is wrong with a declaration, and where.

use std::ops::Range;

use super::sql::SqlFault;
use crate::project::SqlText;

/// What is wrong with a declaration.
#[derive(Clone, Debug)]
pub(crate) struct DeclareFault(pub(crate) Box<FaultParts>);

/// What a fault says.
#[derive(Clone, Debug)]
pub(crate) struct FaultParts {
    /// Where in the project file, in bytes.
    pub(crate) span: Range<usize>,
    /// The text of SQL that stands at `span`, and where in it.
    pub(crate) within: Option<(String, Range<usize>)>,
    /// What is wrong.
    pub(crate) message: String,
    /// Words beside the caret.
    pub(crate) label: Option<String>,
    /// What to do.
    pub(crate) help: Option<String>,
}

impl DeclareFault {
    /// A fault at `span`, and what to do about it.
    pub(super) fn new(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        let (message, help) = (message.into(), Some(help.into()));
        Self(Box::new(FaultParts { span, within: None, message, label: None, help }))
    }

    /// A fault of an expression.
    pub(super) fn of_sql(sql: &SqlText, fault: SqlFault) -> Self {
        let SqlFault { span, message, label, help } = fault;
        let within = Some((sql.text.clone(), span));
        Self(Box::new(FaultParts { span: sql.span.clone(), within, message, label, help }))
    }
}
