//! `Transform` from an inherent `impl`, and the export of the component.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Ident, LitInt, LitStr, Result, ReturnType, Token, Type, TypeReference};

use crate::item::{Function, Impl, Receiver};

/// What stands in the brackets of `#[transform(...)]`.
#[derive(Default)]
pub struct Options {
    version: Option<LitStr>,
    state_version: Option<LitInt>,
    /// Where `debug` stands, if it does.
    debug: Option<Span>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Options::default();
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            match option.to_string().as_str() {
                "version" => options.version = Some(value(input)?),
                "state_version" => options.state_version = Some(value(input)?),
                "debug" => options.debug = Some(option.span()),
                _ => return Err(Error::new(option.span(), "the options are `version`, `state_version` and `debug`")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// What an option is set to.
fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// What the methods take, by name. A type is that behind the reference.
#[derive(Default)]
struct Rows {
    event: Option<Type>,
    request: Option<Type>,
    inputs: Option<Type>,
    parameters: Option<Type>,
}

/// The implementation of `Transform`, the native functions and the export.
pub fn expand(options: &Options, item: &Impl) -> Result<TokenStream> {
    let state = &item.state;
    if let Some(of_trait) = item.of_trait {
        return Err(Error::new(of_trait, "put #[transform] on `impl State`, not on the `impl` of a trait"));
    }
    if let Some(parameter) = item.generics.params.first() {
        return Err(Error::new(parameter.span(), "a transform cannot be generic: it is compiled to one component"));
    }
    let Some(read) = item.function("read") else {
        return Err(Error::new(state.span(), "a transform needs `fn read(&self, as_of: AsOf) -> Features`"));
    };
    let mut rows = Rows::default();
    let read_body = read_body(read, state, &mut rows)?;
    let update_body = match item.function("update") {
        Some(update) => update_body(update, state, &mut rows)?,
        None => quote!(::core::result::Result::Err("the transform takes no events".to_owned())),
    };
    let ReturnType::Type(_, answer) = &read.output else {
        return Err(Error::new(read.signature, "`read` returns the features: `-> Features`"));
    };
    let version = options.version.as_ref().map_or_else(|| quote!(env!("CARGO_PKG_VERSION")), ToTokens::to_token_stream);
    let state_version = options.state_version.as_ref().map_or_else(|| quote!(1), ToTokens::to_token_stream);
    let (event, request) = (row_type(&rows.event), row_type(&rows.request));
    let (inputs, parameters) = (row_type(&rows.inputs), row_type(&rows.parameters));
    let exports = exports(state, options.debug);
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_variables, reason = "an argument that the author left out is still an argument of the trait")]
        // The lifetime that an author may leave out of a row's type is also left out here.
        #[allow(mismatched_lifetime_syntaxes, reason = "whether the author's type has a lifetime is not known here")]
        impl ::onepath_sdk::transform::Transform for #state {
            type Event<'a> = #event;
            type Request<'a> = #request;
            type Inputs<'a> = #inputs;
            type Parameters<'a> = #parameters;
            type Features = <#answer as ::onepath_sdk::transform::Outcome>::Value;

            const VERSION: &'static str = #version;
            const STATE_VERSION: u32 = #state_version;

            #[inline]
            fn update(
                &mut self,
                event: &Self::Event<'_>,
                at: ::onepath_sdk::time::EventTime,
                parameters: &Self::Parameters<'_>,
            ) -> ::core::result::Result<(), ::std::string::String> {
                #update_body
            }

            #[inline]
            fn read(
                &self,
                request: &Self::Request<'_>,
                inputs: &Self::Inputs<'_>,
                parameters: &Self::Parameters<'_>,
                as_of: ::onepath_sdk::time::AsOf,
            ) -> ::core::result::Result<Self::Features, ::std::string::String> {
                #read_body
            }
        }
        #exports
    })
}

/// The transform for native callers, and the component's exports where the target is one.
fn exports(state: &Type, debug: Option<Span>) -> TokenStream {
    let debug = debug.map(|debug| debug_exports(state, debug));
    quote! {
        /// The transform, callable natively, for tests and benchmarks.
        pub const TRANSFORM: ::onepath_sdk::native::Native = ::onepath_sdk::native::Native::of::<#state>();

        // A second transform beside this one is told by this name that there is one to a crate.
        #[doc(hidden)]
        pub const A_CRATE_HAS_ONE_TRANSFORM: () = ();

        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = ::onepath_sdk::wire::Component<#state>;
            ::onepath_sdk::wire::bindings::export!(Component with_types_in ::onepath_sdk::wire::bindings);
        };
        #debug
    }
}

/// What a transform whose states can be looked into exports as well.
fn debug_exports(state: &Type, debug: Span) -> TokenStream {
    // A state without `Debug` is told where `debug` stands, whatever the target.
    let is_debug = quote_spanned! {debug=>
        const _: fn(&[u8]) -> ::core::result::Result<::std::string::String, ::std::string::String> =
            ::onepath_sdk::debug::debug_state::<#state>;
    };
    quote! {
        #is_debug

        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = ::onepath_sdk::wire::Component<#state>;
            ::onepath_sdk::wire::debugging::export!(Component with_types_in ::onepath_sdk::wire::debugging);
        };
    }
}

/// A row's type with the lifetime `'a`, if it has one: what a function pointer returns for `&'a ()`.
fn row_type(row: &Option<Type>) -> TokenStream {
    match row {
        Some(row) => quote_spanned!(row.span()=> <fn(&()) -> #row as ::onepath_sdk::transform::Borrowing<'a>>::Row),
        None => quote!(()),
    }
}

fn update_body(update: &Function, state: &Type, rows: &mut Rows) -> Result<TokenStream> {
    check_receiver(update, Receiver::Exclusive)?;
    check_update_output(update)?;
    let names = arguments(update, &["event", "at", "parameters"], rows)?;
    Ok(call(update, state, &names))
}

fn read_body(read: &Function, state: &Type, rows: &mut Rows) -> Result<TokenStream> {
    check_receiver(read, Receiver::Shared)?;
    let names = arguments(read, &["request", "inputs", "parameters", "as_of"], rows)?;
    Ok(call(read, state, &names))
}

/// The call of the author's method, which as an inherent one goes before the trait's of the same name.
fn call(method: &Function, state: &Type, names: &[Ident]) -> TokenStream {
    let name = &method.name;
    // The span is that of the author's return type, so that an unsuitable one is marked itself.
    let span = match &method.output {
        ReturnType::Type(_, output) => output.span(),
        ReturnType::Default => name.span(),
    };
    let returned = quote!(<#state>::#name(self #(, #names)*));
    quote_spanned!(span=> ::onepath_sdk::transform::Outcome::outcome(#returned))
}

fn check_receiver(method: &Function, expected: Receiver) -> Result<()> {
    if let Some(token) = method.is_async {
        return Err(Error::new(token, "a transform waits for nothing: it cannot be async"));
    }
    if let Some(parameter) = method.generics.type_params().next() {
        return Err(Error::new(parameter.span(), "a transform cannot be generic: it is compiled to one component"));
    }
    if method.receiver == Some(expected) {
        return Ok(());
    }
    let message = match expected {
        Receiver::Shared => "`read` takes `&self`: a question changes nothing",
        _ => "`update` takes `&mut self`",
    };
    Err(Error::new(method.inputs, message))
}

/// The names of the arguments after `self`, in the author's order. Notes the types of the rows among them.
fn arguments(method: &Function, known: &[&str], rows: &mut Rows) -> Result<Vec<Ident>> {
    let mut names = Vec::new();
    for argument in &method.arguments {
        // An author who does not use an argument may say so with an underscore.
        let name = argument.name.as_ref().map(Ident::to_string).unwrap_or_default();
        let name = name.trim_start_matches('_').to_owned();
        if !known.contains(&name.as_str()) {
            let message = format!("the arguments of `{}` are known by name: {}", method.name, known.join(", "));
            return Err(Error::new(argument.pattern, message));
        }
        let row = match name.as_str() {
            "event" => &mut rows.event,
            "request" => &mut rows.request,
            "inputs" => &mut rows.inputs,
            "parameters" => &mut rows.parameters,
            _ => {
                check_time(&name, &argument.value)?;
                names.push(Ident::new(&name, argument.pattern));
                continue;
            }
        };
        let Type::Reference(TypeReference { elem, mutability: None, .. }) = &argument.value else {
            let given = last_ident(&argument.value).unwrap_or_else(|| "T".to_owned());
            let message = format!("`{name}` is taken by reference: `{name}: &{given}`");
            return Err(Error::new(argument.value.span(), message));
        };
        row.get_or_insert_with(|| (**elem).clone());
        names.push(Ident::new(&name, argument.pattern));
    }
    Ok(names)
}

/// Refuses one kind of time where another belongs, which the types would refuse with a longer story.
fn check_time(name: &str, given: &Type) -> Result<()> {
    let expected = if name == "at" { "EventTime" } else { "AsOf" };
    let times = ["EventTime", "AsOf", "Time", "Length", "i64", "u64"];
    match last_ident(given) {
        Some(given_name) if given_name != expected && times.contains(&given_name.as_str()) => {
            let meaning = if name == "at" { "when the event happened" } else { "the cut-off of the question" };
            Err(Error::new(given.span(), format!("`{name}` is {meaning}: `{name}: {expected}`")))
        }
        _ => Ok(()),
    }
}

/// Refuses a value that `update` gives back. A type of another name may be a `Result` by that name, and is left to the types.
fn check_update_output(update: &Function) -> Result<()> {
    let ReturnType::Type(_, output) = &update.output else { return Ok(()) };
    let values = ["bool", "i64", "f64", "String", "Option", "Vec", "Self", "Features"];
    let is_value = match &**output {
        Type::Tuple(tuple) => !tuple.elems.is_empty(),
        Type::Reference(_) => true,
        other => last_ident(other).is_some_and(|name| values.contains(&name.as_str())),
    };
    match is_value {
        true => {
            Err(Error::new(output.span(), "`update` changes the state and gives nothing back, or a `Result<(), E>`"))
        }
        false => Ok(()),
    }
}

/// The last name of a path: `Event` of `model::Event<'_>`.
fn last_ident(given: &Type) -> Option<String> {
    match given {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn wrong_shapes_are_refused_with_the_way_out() {
        let cases: [(Impl, &str); 12] = [
            (parse_quote!(impl S {}), "a transform needs `fn read(&self, as_of: AsOf) -> Features`"),
            (parse_quote!(impl Display for S {}), "put #[transform] on `impl State`, not on the `impl` of a trait"),
            (
                parse_quote!(
                    impl<T> S<T> {}
                ),
                "a transform cannot be generic: it is compiled to one component",
            ),
            (parse_quote!(impl S { fn read(&mut self) -> F {} }), "`read` takes `&self`: a question changes nothing"),
            (
                parse_quote!(impl S { async fn read(&self) -> F {} }),
                "a transform waits for nothing: it cannot be async",
            ),
            (parse_quote!(impl S { fn read(&self) {} }), "`read` returns the features: `-> Features`"),
            (
                parse_quote!(impl S { fn read(&self, now: AsOf) -> F {} }),
                "the arguments of `read` are known by name: request, inputs, parameters, as_of",
            ),
            (
                parse_quote!(impl S { fn read(&self, request: model::Request<'_>) -> F {} }),
                "`request` is taken by reference: `request: &Request`",
            ),
            (
                parse_quote!(impl S { fn read(&self, as_of: EventTime) -> F {} }),
                "`as_of` is the cut-off of the question: `as_of: AsOf`",
            ),
            (
                parse_quote!(impl S { fn update(&mut self, event: &E, at: AsOf) {} fn read(&self) -> F {} }),
                "`at` is when the event happened: `at: EventTime`",
            ),
            (
                parse_quote!(impl S { fn update(&mut self, event: &E) -> f64 {} fn read(&self) -> F {} }),
                "`update` changes the state and gives nothing back, or a `Result<(), E>`",
            ),
            (
                parse_quote!(impl S { fn update(&self, event: &E) {} fn read(&self) -> F {} }),
                "`update` takes `&mut self`",
            ),
        ];
        for (item, expected) in cases {
            assert_eq!(expand(&Options::default(), &item).unwrap_err().to_string(), expected);
        }
    }

    /// A transform that only counts takes no field of an event, or not even its time.
    #[test]
    fn update_may_leave_the_event_out() {
        let items: [Impl; 2] = [
            parse_quote!(impl S { fn update(&mut self, at: EventTime) {} fn read(&self) -> F {} }),
            parse_quote!(impl S { fn update(&mut self) {} fn read(&self) -> F {} }),
        ];
        for item in items {
            let expanded = expand(&Options::default(), &item).unwrap().to_string();
            assert!(expanded.contains("type Event < 'a > = () ;"), "{expanded}");
        }
    }

    #[test]
    fn an_unknown_option_is_refused() {
        let refused = syn::parse_str::<Options>("ttl = 3").err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("the options are `version`, `state_version` and `debug`"));
    }

    #[test]
    fn options_come_in_any_order() {
        let options = syn::parse_str::<Options>("debug, state_version = 3, version = \"1.0\"").expect("are options");
        assert!(options.debug.is_some() && options.state_version.is_some() && options.version.is_some());
        let item: Impl = parse_quote!(impl S { fn read(&self) -> F {} });
        let exports = |options: &Options| expand(options, &item).unwrap().to_string().contains("debugging :: export");
        assert_eq!((exports(&options), exports(&Options::default())), (true, false));
    }
}
