//! `Row` (and `Features`) for a struct of named fields.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Fields, GenericParam, Lifetime, Lit, LitStr, Meta, Result, Type,
};

/// Which of the derive macros it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The fields of an event.
    Event,
    /// The fields of a question.
    Request,
    /// The features of other views.
    Inputs,
    /// The constants of a view.
    Parameters,
    /// What a transform gives.
    Features,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Event => "Event",
            Kind::Request => "Request",
            Kind::Inputs => "Inputs",
            Kind::Parameters => "Parameters",
            Kind::Features => "Features",
        }
    }
}

/// One field as the contract sees it.
struct Column<'a> {
    name: LitStr,
    documentation: String,
    member: &'a syn::Ident,
    value: &'a Type,
}

/// The implementation of `Row`, and for features of `Features`.
pub fn expand(input: &DeriveInput, kind: Kind) -> Result<TokenStream> {
    let lifetime = lifetime(input, kind)?;
    let columns = columns(input, kind)?;
    let (ident, (_, arguments, _)) = (&input.ident, input.generics.split_for_impl());
    let borrow = lifetime.unwrap_or_else(|| Lifetime::new("'__batch", ident.span()));
    let functions = functions(&columns, &borrow);
    let fields = columns.iter().map(|Column { name, documentation, value, .. }| {
        quote_spanned! {value.span()=>
            ::onepath_sdk::batch::Field {
                name: #name,
                value_type: <#value as ::onepath_sdk::value::Value<#borrow>>::TYPE,
                nullable: <#value as ::onepath_sdk::value::Value<#borrow>>::NULLABLE,
                documentation: #documentation,
            }
        }
    });
    let features = (kind == Kind::Features).then(|| {
        quote! {
            #[automatically_derived]
            impl ::onepath_sdk::row::Features for #ident {}
        }
    });
    Ok(quote! {
        #[automatically_derived]
        impl<#borrow> ::onepath_sdk::row::Row<#borrow> for #ident #arguments {
            const FIELDS: &'static [::onepath_sdk::batch::Field] = &[#(#fields),*];
            #functions
        }
        #features
    })
}

/// The column types, and the functions that read and write them.
fn functions(columns: &[Column<'_>], borrow: &Lifetime) -> TokenStream {
    let members: Vec<_> = columns.iter().map(|column| column.member).collect();
    let indices: Vec<_> = (0..columns.len()).map(syn::Index::from).collect();
    let readers: Vec<_> = (0..columns.len()).map(|index| format_ident!("reader_{index}")).collect();
    // Each mention of a field's type as a value has the span of that type, so that an unsuitable type is marked itself.
    let values: Vec<_> = columns
        .iter()
        .map(|Column { value, .. }| quote_spanned!(value.span()=> <#value as ::onepath_sdk::value::Value<#borrow>>))
        .collect();
    let types = columns.iter().map(|column| column.value);
    quote! {
        type Readers = (#(#values::Reader,)*);
        type Writers = (#(#values::Writer,)*);

        fn readers(
            columns: &#borrow [::onepath_sdk::batch::Column],
        ) -> ::core::result::Result<Self::Readers, ::std::string::String> {
            let fields = <Self as ::onepath_sdk::row::Row<#borrow>>::FIELDS;
            #(let #readers = ::onepath_sdk::row::reader::<#types>(columns, #indices, &fields[#indices])?;)*
            ::core::result::Result::Ok((#(#readers,)*))
        }

        #[inline]
        fn read(readers: &Self::Readers, row: usize) -> Self {
            Self { #(#members: #values::read(&readers.#indices, row),)* }
        }

        fn writers(rows: usize) -> Self::Writers {
            (#(#values::writer(rows),)*)
        }

        #[inline]
        fn write(self, writers: &mut Self::Writers) {
            #(#values::write(self.#members, &mut writers.#indices);)*
        }

        fn finish(writers: Self::Writers) -> ::std::vec::Vec<::onepath_sdk::batch::Column> {
            ::std::vec![#(#values::finish(writers.#indices)),*]
        }
    }
}

/// The one lifetime that the struct may have.
fn lifetime(input: &DeriveInput, kind: Kind) -> Result<Option<Lifetime>> {
    let mut found = None;
    for parameter in &input.generics.params {
        match parameter {
            GenericParam::Lifetime(_) if kind == Kind::Features => {
                return Err(Error::new(
                    parameter.span(),
                    "features own their values: use String for &str, Vec<f64> for &[f64]",
                ));
            }
            GenericParam::Lifetime(lifetime) if found.is_none() => found = Some(lifetime.lifetime.clone()),
            GenericParam::Lifetime(_) => {
                return Err(Error::new(
                    parameter.span(),
                    "one lifetime is enough: every field borrows from the same batch",
                ));
            }
            _ => {
                let message = format!("{} cannot be generic: its fields are columns, which have one type", kind.name());
                return Err(Error::new(parameter.span(), message));
            }
        }
    }
    Ok(found)
}

fn columns(input: &DeriveInput, kind: Kind) -> Result<Vec<Column<'_>>> {
    let Data::Struct(data) = &input.data else {
        let message = format!("{} is derived for a struct with named fields", kind.name());
        return Err(Error::new(input.ident.span(), message));
    };
    if let (Fields::Unit, Kind::Event) = (&data.fields, kind) {
        let message = "Event has no field: leave out the struct, and the argument of its type";
        return Err(Error::new(input.ident.span(), message));
    }
    let Fields::Named(fields) = &data.fields else {
        let message = format!("{} needs named fields: their names are the names of the columns", kind.name());
        return Err(Error::new(input.ident.span(), message));
    };
    if fields.named.is_empty() {
        let message = match kind {
            Kind::Features => "Features has no field: a transform gives at least one feature".to_owned(),
            kind => format!("{} has no field: leave out the struct, and the argument of its type", kind.name()),
        };
        return Err(Error::new(input.ident.span(), message));
    }
    let mut columns: Vec<Column<'_>> = Vec::new();
    for field in &fields.named {
        let member = field.ident.as_ref().expect("the fields of a struct with named fields have names");
        check_type(&field.ty, kind)?;
        let name = name(&field.attrs)?.unwrap_or_else(|| LitStr::new(&member.unraw().to_string(), member.span()));
        if columns.iter().any(|column| column.name.value() == name.value()) {
            return Err(Error::new(name.span(), format!("two fields have the name `{}`", name.value())));
        }
        columns.push(Column { name, documentation: documentation(&field.attrs), member, value: &field.ty });
    }
    Ok(columns)
}

/// Refuses what the trait bounds of the SDK would refuse with a longer story.
fn check_type(value: &Type, kind: Kind) -> Result<()> {
    let refuse = |message: &str| Err(Error::new_spanned(value, message));
    let segment = match value {
        Type::Reference(_) if kind == Kind::Features => {
            return refuse("features own their values: use String for &str, Vec<f64> for &[f64]");
        }
        Type::Reference(reference) if reference.lifetime.is_none() => {
            return refuse("name the lifetime: `&'a`, with `<'a>` after the name of the struct");
        }
        Type::Array(_) => return refuse("a list is a Vec<f64>, whatever its length"),
        Type::Tuple(_) => return refuse("a column holds one value: make a field of each part"),
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    let Some(segment) = segment else { return Ok(()) };
    let instead = match segment.ident.to_string().as_str() {
        "f32" => "f64",
        "i8" | "i16" | "i32" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "i64",
        "UpTo" if kind != Kind::Parameters => {
            return refuse(
                "a length with a bound is a parameter of the view: elsewhere use i64, and `UpTo::new` in `read`",
            );
        }
        "EventTime" | "AsOf" => "Time",
        "char" => "String",
        "Option" => {
            return match argument(segment) {
                Some(inner) if is_named(inner, "Option") => refuse("one Option is enough: it allows null"),
                Some(inner) => check_type(inner, kind),
                None => Ok(()),
            };
        }
        "Vec" => {
            return match argument(segment) {
                Some(Type::Path(inner)) if inner.path.is_ident("f64") => Ok(()),
                Some(_) => refuse("a list holds float64 numbers: use Vec<f64>, or a field for each value"),
                None => Ok(()),
            };
        }
        "HashMap" | "BTreeMap" | "HashSet" | "BTreeSet" => {
            return refuse("a column holds one value or a list of numbers: make a field of each entry");
        }
        _ => return Ok(()),
    };
    refuse(&format!("the contract has no such type of column: use {instead}"))
}

/// The first type in angle brackets.
fn argument(segment: &syn::PathSegment) -> Option<&Type> {
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(value) => Some(value),
        _ => None,
    })
}

fn is_named(value: &Type, name: &str) -> bool {
    matches!(value, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// The name given by `#[field(name = "...")]`.
fn name(attributes: &[Attribute]) -> Result<Option<LitStr>> {
    let mut name = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("field")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("expected `name = \"...\"`"));
            }
            let given: LitStr = meta.value()?.parse()?;
            if given.value().is_empty() {
                return Err(Error::new(given.span(), "a name has at least one character"));
            }
            name = Some(given);
            Ok(())
        })?;
    }
    Ok(name)
}

/// The doc comment, each line without its leading space.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn wrong_shapes_are_refused_with_the_way_out() {
        let cases: [(DeriveInput, Kind, &str); 17] = [
            (
                parse_quote!(
                    struct Click;
                ),
                Kind::Event,
                "Event has no field: leave out the struct, and the argument of its type",
            ),
            (
                parse_quote!(
                    struct F {}
                ),
                Kind::Features,
                "Features has no field: a transform gives at least one feature",
            ),
            (
                parse_quote!(
                    struct R {
                        days: Option<UpTo<Days<7>>>,
                    }
                ),
                Kind::Request,
                "a length with a bound is a parameter of the view: elsewhere use i64, and `UpTo::new` in `read`",
            ),
            (
                parse_quote!(
                    enum E {
                        A,
                    }
                ),
                Kind::Event,
                "Event is derived for a struct with named fields",
            ),
            (
                parse_quote!(
                    struct E(f64);
                ),
                Kind::Event,
                "Event needs named fields: their names are the names of the columns",
            ),
            (
                parse_quote!(
                    struct E {}
                ),
                Kind::Request,
                "Request has no field: leave out the struct, and the argument of its type",
            ),
            (
                parse_quote!(
                    struct E {
                        a: f32,
                    }
                ),
                Kind::Event,
                "the contract has no such type of column: use f64",
            ),
            (
                parse_quote!(
                    struct E {
                        a: u32,
                    }
                ),
                Kind::Inputs,
                "the contract has no such type of column: use i64",
            ),
            (
                parse_quote!(
                    struct E {
                        a: Option<i32>,
                    }
                ),
                Kind::Inputs,
                "the contract has no such type of column: use i64",
            ),
            (
                parse_quote!(
                    struct E {
                        a: Option<Option<f64>>,
                    }
                ),
                Kind::Features,
                "one Option is enough: it allows null",
            ),
            (
                parse_quote!(
                    struct E {
                        a: Vec<String>,
                    }
                ),
                Kind::Event,
                "a list holds float64 numbers: use Vec<f64>, or a field for each value",
            ),
            (
                parse_quote!(
                    struct E {
                        a: (f64, f64),
                    }
                ),
                Kind::Features,
                "a column holds one value: make a field of each part",
            ),
            (
                parse_quote!(
                    struct E {
                        a: &str,
                    }
                ),
                Kind::Event,
                "name the lifetime: `&'a`, with `<'a>` after the name of the struct",
            ),
            (
                parse_quote!(
                    struct F<'a> {
                        a: &'a str,
                    }
                ),
                Kind::Features,
                "features own their values: use String for &str, Vec<f64> for &[f64]",
            ),
            (
                parse_quote!(
                    struct E<T> {
                        a: T,
                    }
                ),
                Kind::Parameters,
                "Parameters cannot be generic: its fields are columns, which have one type",
            ),
            (
                parse_quote!(
                    struct E<'a, 'b> {
                        a: &'a str,
                        b: &'b str,
                    }
                ),
                Kind::Event,
                "one lifetime is enough: every field borrows from the same batch",
            ),
            (
                parse_quote!(
                    struct E {
                        a: f64,
                        #[field(name = "a")]
                        b: f64,
                    }
                ),
                Kind::Event,
                "two fields have the name `a`",
            ),
        ];
        for (input, kind, expected) in cases {
            assert_eq!(expand(&input, kind).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn an_unknown_option_is_refused() {
        let input: DeriveInput = parse_quote!(
            struct E {
                #[field(nam = "b")]
                a: f64,
            }
        );
        assert_eq!(expand(&input, Kind::Event).unwrap_err().to_string(), "expected `name = \"...\"`");
    }
}
