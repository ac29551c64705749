//! The text of an expression, parsed, and places in it.

use std::ops::Range;

use sqlparser::ast::{Expr, Spanned};
use sqlparser::dialect::DuckDbDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::SqlFault;

/// The longest text of one expression, in bytes.
const BYTES_MAX: usize = 16 << 10;

/// The most tokens of one expression that nest or may begin a level, which is all but constants and commas. It bounds the depth of the tree.
const TOKENS_MAX: usize = 2_000;

/// A text, and where its lines begin.
pub(super) struct Source<'t> {
    text: &'t str,
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    pub fn new(text: &'t str) -> Self {
        let begins = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Source { text, lines: std::iter::once(0).chain(begins).collect() }
    }

    /// The place of a location: of the first character from it on.
    fn offset(&self, location: Location) -> usize {
        let line = (location.line as usize).saturating_sub(1);
        let Some(&begin) = self.lines.get(line) else { return self.text.len() };
        let before = (location.column as usize).saturating_sub(1);
        let rest = &self.text[begin..];
        begin + rest.char_indices().nth(before).map_or(rest.len(), |(at, _)| at)
    }

    /// The bytes of a span; none where the parser knows none.
    pub fn range(&self, span: Span) -> Option<Range<usize>> {
        if span.start.line == 0 {
            return None;
        }
        let start = self.offset(span.start);
        Some(start..self.offset(span.end).max(start))
    }

    /// The bytes of an expression, or `otherwise`.
    pub fn place(&self, expression: &Expr, otherwise: &Range<usize>) -> Range<usize> {
        self.range(expression.span()).unwrap_or_else(|| otherwise.clone())
    }

    /// The character at a place, or the end.
    fn at(&self, start: usize) -> Range<usize> {
        let length = self.text[start..].chars().next().map_or(0, char::len_utf8);
        start..start + length
    }

    /// Parses the text: one expression and nothing after it.
    pub fn parse(&self) -> Result<Expr, SqlFault> {
        if self.text.trim().is_empty() {
            return Err(SqlFault::new(0..self.text.len(), "there is no expression"));
        }
        if self.text.len() > BYTES_MAX {
            return Err(SqlFault::new(self.at(0), format!("an expression has at most {BYTES_MAX} bytes"))
                .help("name parts of it: as derived columns of the source, or as features of their own"));
        }
        let tokens = Tokenizer::new(&DuckDbDialect, self.text).tokenize_with_location();
        let tokens = tokens.map_err(|error| {
            SqlFault::new(self.at(self.offset(error.location)), format!("not SQL: {}", lower_first(&error.message)))
        })?;
        self.check_tokens(&tokens)?;
        let mut parser = Parser::new(&DuckDbDialect).with_tokens_with_locations(tokens);
        let parsed = parser.parse_expr().map_err(|error| self.told(error))?;
        let next = parser.peek_token();
        match next.token {
            Token::EOF => Ok(parsed),
            other => {
                let place = self.range(next.span).unwrap_or(0..self.text.len());
                Err(SqlFault::new(place, format!("{other} does not belong to the expression before it"))
                    .label("the expression ends before this"))
            }
        }
    }

    /// Whether the text is one name, without quotes.
    pub fn is_name(&self) -> bool {
        matches!(self.parse(), Ok(Expr::Identifier(name)) if name.quote_style.is_none())
    }

    fn check_tokens(&self, tokens: &[TokenWithSpan]) -> Result<(), SqlFault> {
        let nests = |token: &&TokenWithSpan| {
            !matches!(
                token.token,
                Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_) | Token::EOF
            )
        };
        if let Some(beyond) = tokens.iter().filter(nests).nth(TOKENS_MAX) {
            let place = self.range(beyond.span).unwrap_or(0..0);
            return Err(SqlFault::new(place, "the expression is too long")
                .help("name parts of it: as derived columns of the source, or as features of their own"));
        }
        let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
        if let Some(TokenWithSpan { token: Token::Word(word), span }) = first
            && matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::FROM | Keyword::WHERE)
            && word.quote_style.is_none()
        {
            return Err(SqlFault::new(self.range(*span).unwrap_or(0..0), "a query is no expression")
                .help("write the expression alone, without SELECT, FROM or WHERE"));
        }
        Ok(())
    }

    /// What the parser says, with the place that it says in words.
    fn told(&self, error: ParserError) -> SqlFault {
        let message = match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
            ParserError::RecursionLimitExceeded => {
                return SqlFault::new(0..self.text.len(), "the expression is nested too deeply")
                    .help("name parts of it: as derived columns of the source, or as features of their own");
            }
        };
        let message = message.replace("found: EOF", "found: the end");
        let (words, place) = match message.rsplit_once(" at Line: ") {
            Some((words, numbers)) => (words, location(numbers).map(|location| self.offset(location))),
            None => (message.as_str(), None),
        };
        let place = place.map_or(self.text.len()..self.text.len(), |start| self.at(start));
        SqlFault::new(place, format!("not SQL: {}", lower_first(words)))
    }
}

/// `1, Column: 5`
fn location(numbers: &str) -> Option<Location> {
    let (line, column) = numbers.split_once(", Column: ")?;
    let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
    Some(Location { line: line.parse().ok()?, column: digits.parse().ok()? })
}

fn lower_first(words: &str) -> String {
    let mut rest = words.chars();
    rest.next().map(|first| first.to_lowercase().collect::<String>() + rest.as_str()).unwrap_or_default()
}
