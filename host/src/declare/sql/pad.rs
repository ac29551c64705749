//! Functions of texts that are lowered to several others: texts joined by a separator, repeated, and padded.

use onepath_definition::{Function, Literal, ValueType};

use super::call::Call;
use super::function::constant_text;
use super::lower::Lowering;
use super::value::{Part, Value};
use super::{SqlFault, Typed};

use ValueType::{Int64, Text};

/// The most characters that a text is padded to, and the most times that it is repeated.
const COUNT_MAX: i64 = 1_000;

impl Lowering<'_> {
    /// `concat_ws(separator, x, ...)`: nulls are passed over, with their separators.
    pub fn concat_separated(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        let [separator, parts @ ..] = call.arguments.as_slice() else { return Err(call.wrong_number("at least 2")) };
        if parts.is_empty() {
            return Err(call.wrong_number("at least 2"));
        }
        let separator = self.wanted(separator, Text)?;
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts {
            let text = self.as_text(part)?;
            let piece = self.call(Function::Concat, &[separator, text], Text);
            let empty = self.nodes.literal(Literal::Text(String::new()));
            nodes.push(self.call_nullable(Function::Coalesce, &[piece, empty], Text, false));
        }
        // Each piece begins with a separator; the first one goes, and with a separator that is null everything.
        let joined = self.call(Function::Concat, &nodes, Text);
        let length = self.call(Function::Length, &[separator], Int64);
        let one = self.nodes.literal(Literal::Int64(1));
        let from = self.call(Function::Add, &[length, one], Int64);
        let all = self.nodes.literal(Literal::Int64(u32::MAX.into()));
        Ok(self.call(Function::Substring, &[joined, from, all], Text))
    }

    /// `repeat(text, count)`.
    pub fn repeat(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        let [text, count] = call.exactly()?;
        let (text, count) = (self.wanted(text, Text)?, constant_count(count, call)?);
        if count == 0 {
            return Ok(self.left(text, 0));
        }
        Ok(self.call(Function::Concat, &vec![text; count as usize], Text))
    }

    /// `lpad(text, count, padding)`.
    pub fn pad_start(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        let (text, count, padding) = self.padded(call)?;
        let length = self.call(Function::Length, &[text], Int64);
        let [wanted, zero] = [count, 0].map(|number| self.nodes.literal(Literal::Int64(number)));
        let missing = self.call(Function::Subtract, &[wanted, length], Int64);
        let missing = self.call(Function::Greatest, &[missing, zero], Int64);
        let padding = self.call(Function::Left, &[padding, missing], Text);
        let text = self.left(text, count);
        Ok(self.call(Function::Concat, &[padding, text], Text))
    }

    /// `rpad(text, count, padding)`.
    pub fn pad_end(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        let (text, count, padding) = self.padded(call)?;
        // Before it is padded, so that a long text does not become too long.
        let text = self.left(text, count);
        let padded = self.call(Function::Concat, &[text, padding], Text);
        Ok(self.left(padded, count))
    }

    /// The text, how many characters it gets, and as many characters of padding.
    fn padded(&mut self, call: &Call) -> Result<(Typed, i64, Typed), SqlFault> {
        let [text, count, padding] = call.exactly()?;
        let (text, count, with) = (self.wanted(text, Text)?, constant_count(count, call)?, padding);
        let padding = constant_text(with, call.name)?;
        if padding.is_empty() {
            let message = format!("{} with an empty text", call.name);
            return Err(SqlFault::new(with.span.clone(), message).help("give it what to pad with, or write left(s, n)"));
        }
        let padding = padding.chars().cycle().take(count as usize).collect();
        Ok((text, count, self.nodes.literal(Literal::Text(padding))))
    }

    fn left(&mut self, text: Typed, count: i64) -> Typed {
        let count = self.nodes.literal(Literal::Int64(count));
        self.call(Function::Left, &[text, count], Text)
    }
}

/// A stated number of times or characters; none where it is negative.
fn constant_count(part: &Part, call: &Call) -> Result<i64, SqlFault> {
    let wrong = |message: String| Err(SqlFault::new(part.span.clone(), message).help("write a number, such as 5"));
    match part.value {
        Value::Literal(Literal::Int64(count)) if count <= COUNT_MAX => Ok(count.max(0)),
        Value::Literal(Literal::Int64(_)) => wrong(format!("{} takes at most {COUNT_MAX}", call.name)),
        _ => wrong(format!("{} takes a number that is stated", call.name)),
    }
}
