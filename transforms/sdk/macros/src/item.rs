//! The `impl` that `#[transform]` stands on, as far as the macro reads it: its head, and the signatures of its functions.
//!
//! Bodies are passed on as the author wrote them. So syn comes without the grammar of items and expressions (its feature `full`),
//! a third of what it costs to compile.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::buffer::Cursor;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::token::Brace;
use syn::{Attribute, Error, Generics, Lifetime, Result, ReturnType, Token, Type, Visibility};

/// An inherent `impl`, or one of a trait.
pub struct Impl {
    /// Everything before the braces.
    head: TokenStream,
    pub generics: Generics,
    /// Where the name of the trait stands, if there is one.
    pub of_trait: Option<Span>,
    pub state: Type,
    /// The braces themselves.
    braces: Span,
    items: Vec<Item>,
}

/// What stands in the braces.
enum Item {
    Function(Function),
    /// A constant, a type or the call of a macro.
    Other(TokenStream),
}

/// A function without its body.
pub struct Function {
    attributes: Vec<Attribute>,
    /// All of it, without the attributes.
    tokens: TokenStream,
    pub name: Ident,
    pub signature: Span,
    pub is_async: Option<Span>,
    pub generics: Generics,
    pub receiver: Option<Receiver>,
    /// Where the arguments stand.
    pub inputs: Span,
    /// The arguments after `self`.
    pub arguments: Vec<Argument>,
    pub output: ReturnType,
}

/// How a function takes its `self`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// `&self`
    Shared,
    /// `&mut self`
    Exclusive,
    /// `self`, or `self` with a type.
    Value,
}

/// An argument of a function.
pub struct Argument {
    /// Its name, unless a pattern takes it apart.
    pub name: Option<Ident>,
    pub pattern: Span,
    pub value: Type,
}

impl Impl {
    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.items.iter().find_map(|item| match item {
            Item::Function(function) if function.name == name => Some(function),
            _ => None,
        })
    }

    /// Has the function of this name inlined wherever it is called. An author's own `#[inline]` stands.
    pub fn inline(&mut self, name: &str) {
        for item in &mut self.items {
            if let Item::Function(function) = item
                && function.name == name
                && !function.attributes.iter().any(|attribute| attribute.path().is_ident("inline"))
            {
                function.attributes.push(syn::parse_quote!(#[inline(always)]));
            }
        }
    }
}

impl Parse for Impl {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let start = input.cursor();
        if !starts_an_impl(start) {
            let message = "#[transform] belongs on `impl State`, which holds `update` and `read`";
            return Err(Error::new(name_of_item(start).unwrap_or(input.span()), message));
        }
        Attribute::parse_outer(input)?;
        input.parse::<Option<Token![unsafe]>>()?;
        input.parse::<Token![impl]>()?;
        // `impl<T> S<T>`; `impl <T as Trait>::S` begins with a type.
        let is_generic = input.peek(Token![<]) && input.fork().parse::<Generics>().is_ok();
        let mut generics: Generics = if is_generic { input.parse()? } else { Generics::default() };
        input.parse::<Option<Token![!]>>()?;
        let mut state: Type = input.parse()?;
        let mut of_trait = None;
        if input.parse::<Option<Token![for]>>()?.is_some() {
            of_trait = Some(state.span());
            state = input.parse()?;
        }
        generics.where_clause = input.parse()?;
        let head = between(start, input.cursor());
        let content;
        let braces = syn::braced!(content in input).span.join();
        let mut items = Vec::new();
        while !content.is_empty() {
            items.push(content.parse()?);
        }
        Ok(Self { head, generics, of_trait, state, braces, items })
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let start = input.cursor();
        let inner = input.peek(Token![#]) && input.peek2(Token![!]);
        let attributes = if inner { Attribute::parse_inner(input)? } else { Attribute::parse_outer(input)? };
        if inner {
            return Ok(Self::Other(between(start, input.cursor())));
        }
        let function = input.cursor();
        input.parse::<Visibility>()?;
        let signature = input.span();
        let Some((words, is_async)) = words_before_fn(input.cursor()) else {
            skip_item(input)?;
            return Ok(Self::Other(between(start, input.cursor())));
        };
        for _ in 0..words {
            input.parse::<TokenTree>()?;
        }
        Function::parse(input, attributes, function, signature, is_async).map(Self::Function)
    }
}

impl Function {
    /// From the word `fn` on. `start` is where it begins after its attributes.
    fn parse(
        input: ParseStream<'_>,
        attributes: Vec<Attribute>,
        start: Cursor<'_>,
        signature: Span,
        is_async: Option<Span>,
    ) -> Result<Self> {
        input.parse::<Token![fn]>()?;
        let name = input.call(Ident::parse_any)?;
        let mut generics: Generics = input.parse()?;
        let content;
        syn::parenthesized!(content in input);
        let inputs = content.cursor().token_stream().span();
        let (mut receiver, mut arguments) = (None, Vec::new());
        while !content.is_empty() {
            Attribute::parse_outer(&content)?;
            match (arguments.is_empty() && receiver.is_none()).then(|| Receiver::parse(&content)).transpose()?.flatten()
            {
                Some(found) => receiver = Some(found),
                None => arguments.push(content.parse()?),
            }
            content.parse::<Option<Token![,]>>()?;
        }
        let output = input.parse()?;
        generics.where_clause = input.parse()?;
        input.parse::<TokenTree>()?;
        let tokens = between(start, input.cursor());
        Ok(Self { attributes, tokens, name, signature, is_async, generics, receiver, inputs, arguments, output })
    }
}

impl Receiver {
    /// The receiver, if one stands there.
    fn parse(input: ParseStream<'_>) -> Result<Option<Self>> {
        let ahead = input.fork();
        let by_reference = ahead.parse::<Option<Token![&]>>()?.is_some();
        ahead.parse::<Option<Lifetime>>()?;
        let is_mutable = ahead.parse::<Option<Token![mut]>>()?.is_some();
        if !ahead.peek(Token![self]) {
            return Ok(None);
        }
        while !input.is_empty() && !input.peek(Token![self]) {
            input.parse::<TokenTree>()?;
        }
        input.parse::<Token![self]>()?;
        if input.parse::<Option<Token![:]>>()?.is_some() {
            input.parse::<Type>()?;
        }
        Ok(Some(match (by_reference, is_mutable) {
            (true, false) => Self::Shared,
            (true, true) => Self::Exclusive,
            (false, _) => Self::Value,
        }))
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let pattern = input.span();
        let ahead = input.fork();
        ahead.parse::<Option<Token![mut]>>()?;
        let named = ahead.parse::<Ident>().ok();
        let name = named.filter(|_| ahead.peek(Token![:]) && !ahead.peek(Token![::]));
        // Of a pattern, up to the one colon before the type.
        while !input.peek(Token![:]) || input.peek(Token![::]) {
            match input.peek(Token![::]) {
                true => drop(input.parse::<Token![::]>()?),
                false => drop(input.parse::<TokenTree>()?),
            }
        }
        input.parse::<Token![:]>()?;
        Ok(Self { name, pattern, value: input.parse()? })
    }
}

impl ToTokens for Impl {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let items = self.items.iter().map(|item| match item {
            Item::Function(Function { attributes, tokens, .. }) => quote!(#(#attributes)* #tokens),
            Item::Other(tokens) => tokens.clone(),
        });
        let mut braces = Group::new(Delimiter::Brace, items.collect());
        braces.set_span(self.braces);
        self.head.to_tokens(tokens);
        braces.to_tokens(tokens);
    }
}

/// Whether an `impl` begins there, after attributes.
fn starts_an_impl(mut at: Cursor<'_>) -> bool {
    while let Some((tree, next)) = at.token_tree() {
        match tree {
            TokenTree::Punct(_) | TokenTree::Group(_) => at = next,
            TokenTree::Ident(word) if word == "unsafe" => at = next,
            TokenTree::Ident(word) => return word == "impl",
            TokenTree::Literal(_) => return false,
        }
    }
    false
}

/// Where the name of a struct, an enum or a function stands: it says more than the first word of the item.
fn name_of_item(mut at: Cursor<'_>) -> Option<Span> {
    let mut is_named = false;
    while let Some((tree, next)) = at.token_tree() {
        match tree {
            TokenTree::Ident(name) if is_named => return Some(name.span()),
            TokenTree::Ident(word) => is_named = ["struct", "enum", "fn"].iter().any(|kind| word == kind),
            _ => is_named = false,
        }
        at = next;
    }
    None
}

/// How many words stand before a `fn`, and where `async` does; `None` where no function begins.
fn words_before_fn(mut at: Cursor<'_>) -> Option<(usize, Option<Span>)> {
    let (mut words, mut is_async) = (0, None);
    while let Some((tree, next)) = at.token_tree() {
        match &tree {
            TokenTree::Ident(word) if word == "fn" => return Some((words, is_async)),
            TokenTree::Ident(word) if word == "async" => is_async = Some(word.span()),
            TokenTree::Ident(word) if ["const", "unsafe", "extern", "default"].iter().any(|known| word == known) => {}
            // The name of the calling convention, after `extern`.
            TokenTree::Literal(_) => {}
            _ => return None,
        }
        (at, words) = (next, words + 1);
    }
    None
}

/// Goes past a constant or a type, to its `;`, or past the call of a macro, to its braces or its `;`.
fn skip_item(input: ParseStream<'_>) -> Result<()> {
    let is_declared = input.peek(Token![const]) || input.peek(Token![type]);
    while !input.is_empty() {
        if input.parse::<Option<Token![;]>>()?.is_some() {
            break;
        }
        let is_end = !is_declared && input.peek(Brace);
        input.parse::<TokenTree>()?;
        if is_end {
            break;
        }
    }
    Ok(())
}

/// The tokens from one place to a later one.
fn between(mut from: Cursor<'_>, to: Cursor<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while from != to {
        let Some((tree, next)) = from.token_tree() else { break };
        tokens.extend([tree]);
        from = next;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Impl {
        syn::parse_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn tokens(text: &str) -> String {
        text.parse::<TokenStream>().expect("is Rust").to_string()
    }

    /// Of every kind of item that an `impl` may hold.
    const WHOLE: &str = "
        #[allow(dead_code)]
        /// What a customer did.
        unsafe impl<'a, const N: usize> model::State<'a, { N + 1 }> where Self: Sized {
            #![allow(unused)]
            pub(crate) const LIMIT: [f64; 2] = { [1.0, 2.0] };
            const fn limit() -> usize { N }
            type Other = Vec<f64>;
            include!(\"more.rs\");
            more! { fn read() {} }
            #[must_use] pub async unsafe extern \"C\" fn raw(mut self: Box<Self>) -> ! { loop {} }
            fn update<'b>(&'b mut self, #[allow(unused)] Event { at: _, .. }: &Event, model::P(x): model::P, mut n: i64,) {
                if n < 2 { fn read() {} }
            }
            fn r#match(&self, _: fn(&str) -> i64) -> impl Iterator<Item = i64> + '_ where Self: Copy { [1].into_iter() }
        }";

    #[test]
    fn what_was_written_stays() {
        assert_eq!(parse(WHOLE).to_token_stream().to_string(), tokens(WHOLE));
        for text in ["impl <S as Of>::State {}", "impl !Send for S {}", "impl<T> Of<T> for S<T> {}"] {
            assert_eq!(parse(text).to_token_stream().to_string(), tokens(text));
        }
    }

    #[test]
    fn functions_are_found_and_nothing_within_them() {
        let item = parse(WHOLE);
        assert!(item.function("read").is_none(), "only within others");
        let update = item.function("update").expect("is there");
        assert!(update.receiver == Some(Receiver::Exclusive) && update.is_async.is_none());
        let names = update.arguments.iter().map(|argument| argument.name.as_ref().map(Ident::to_string));
        assert_eq!(names.collect::<Vec<_>>(), [None, None, Some("n".to_owned())]);
        let raw = item.function("raw").expect("is there");
        assert!(raw.receiver == Some(Receiver::Value) && raw.is_async.is_some() && raw.arguments.is_empty());
        assert_eq!(item.function("limit").expect("is there").receiver, None);
        assert_eq!(item.function("r#match").expect("is there").receiver, Some(Receiver::Shared));
    }

    #[test]
    fn an_authors_own_inline_stands() {
        for (text, expected) in [
            (
                "impl S { /// Doc.\n pub fn f() {} fn g() {} }",
                "impl S { /// Doc.\n #[inline(always)] pub fn f() {} fn g() {} }",
            ),
            ("impl S { #[inline(never)] fn f() {} }", "impl S { #[inline(never)] fn f() {} }"),
        ] {
            let mut item = parse(text);
            item.inline("f");
            assert_eq!(item.to_token_stream().to_string(), tokens(expected));
        }
    }

    #[test]
    fn other_items_are_refused() {
        for text in [
            "struct S;",
            "#[derive(Clone)] pub enum S {}",
            "pub(crate) async fn f() {}",
            "trait T { fn f(); }",
            "mod m {}",
            "",
        ] {
            let refused = syn::parse_str::<Impl>(text).err().map(|error| error.to_string());
            assert_eq!(
                refused.as_deref(),
                Some("#[transform] belongs on `impl State`, which holds `update` and `read`")
            );
        }
    }
}
