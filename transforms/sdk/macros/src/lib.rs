//! The macros of `onepath-sdk`, which re-exports and explains them.
//!
//! They only write implementations of the traits that the SDK documents (`Row`, `State`, `Transform`), so that nothing they
//! do could not be written by hand.

mod item;
mod row;
mod state;
mod transform;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// The fields of an event that a transform reads: a struct with named fields and at most one lifetime.
///
/// Fields are `bool`, `i64`, `f64`, `&str`, `String`, `Time`, `&[f64]`, `Vec<f64>`, or an `Option` of one of these where
/// null is allowed. Their doc comments become their documentation. `#[field(name = "...")]` names a column otherwise.
#[proc_macro_derive(Event, attributes(field))]
pub fn event(input: TokenStream) -> TokenStream {
    expand(row::expand(&parse_macro_input!(input as DeriveInput), row::Kind::Event))
}

/// The fields that each question brings with it. Written like an event.
#[proc_macro_derive(Request, attributes(field))]
pub fn request(input: TokenStream) -> TokenStream {
    expand(row::expand(&parse_macro_input!(input as DeriveInput), row::Kind::Request))
}

/// The features of other views that each question brings with it. Written like an event.
#[proc_macro_derive(Inputs, attributes(field))]
pub fn inputs(input: TokenStream) -> TokenStream {
    expand(row::expand(&parse_macro_input!(input as DeriveInput), row::Kind::Inputs))
}

/// The constants that a feature view gives its transform. Written like an event; a field may also be `UpTo<L>`, a length of time
/// that the host checks when the view is built.
#[proc_macro_derive(Parameters, attributes(field))]
pub fn parameters(input: TokenStream) -> TokenStream {
    expand(row::expand(&parse_macro_input!(input as DeriveInput), row::Kind::Parameters))
}

/// The features that a transform gives: a struct with named fields, without a lifetime.
///
/// Features are `bool`, `i64`, `f64`, `String`, `Time`, `Vec<f64>`, or an `Option` of one of these where null is allowed.
/// Their doc comments become their documentation. `#[field(name = "...")]` names a feature otherwise.
#[proc_macro_derive(Features, attributes(field))]
pub fn features(input: TokenStream) -> TokenStream {
    expand(row::expand(&parse_macro_input!(input as DeriveInput), row::Kind::Features))
}

/// What a transform remembers of one entity: a struct whose fields are states, encoded in their order.
#[proc_macro_derive(State)]
pub fn state(input: TokenStream) -> TokenStream {
    expand(state::expand(&parse_macro_input!(input as DeriveInput)))
}

/// Makes the transform of a crate from an inherent `impl` of its state, and exports the component.
///
/// `update(&mut self, event: &E, at: EventTime, parameters: &P)` applies an event; without it the transform is stateless.
/// `read(&self, request: &R, inputs: &I, parameters: &P, as_of: AsOf) -> F` answers a question. Arguments are known by
/// their names, in any order, and those that are not needed are left out: a transform that only counts has
/// `update(&mut self)`, and takes events without fields. Both may return a `Result`, whose error becomes the failure of its row.
///
/// Options: `#[transform(version = "1.2.0", state_version = 3, debug)]`. The version is otherwise the crate's, the state's version 1.
/// With `debug`, the component says what a state holds by the state's `Debug`, which `onepath replay --state` shows.
///
/// Beside the `impl` it puts `TRANSFORM`, the same transform callable natively, for tests and benchmarks. A crate is one
/// component and has one transform.
#[proc_macro_attribute]
pub fn transform(options: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = syn::parse(options).and_then(|options| {
        let mut item: item::Impl = syn::parse(item.clone())?;
        let expanded = transform::expand(&options, &item)?;
        // In a component, a call for each event costs a tenth of a short one, and this is made in one place. (`read` is not inlined:
        // it mostly is long, and measurably slower inlined.)
        item.inline("update");
        Ok(quote::quote!(#item #expanded))
    });
    expanded.map(TokenStream::from).unwrap_or_else(|error| {
        // The author's code stays as it was written, so that other errors in it are still told.
        let (item, error) = (proc_macro2::TokenStream::from(item), error.into_compile_error());
        quote::quote!(#item #error).into()
    })
}

fn expand(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
