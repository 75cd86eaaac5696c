//! The one table of every operation.

use crate::fields::Fields;
use crate::node::Node;
use crate::params::Params;
use crate::{eks, eks_auth, iam, locum, organizations, roles_anywhere, sts};
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::error::Error;
use locum_identity::operation::Service;
use locum_identity::realm::Realm;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

/// An operation on the wire. Whatever it is, invoking it goes through [`Realm::call`], which
/// authorizes before it acts.
pub struct Binding {
    /// The service.
    pub service: Service,
    /// The operation's name.
    pub name: &'static str,
    pub(crate) invoke: Invoke,
}

/// Decodes, authorizes, acts and hands the output to `encode`.
pub(crate) type Invoke = for<'a> fn(Invocation<'a>) -> Invoked<'a>;
pub(crate) type Invoked<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// One invocation of a binding.
pub(crate) struct Invocation<'a> {
    pub(crate) realm: &'a Realm,
    pub(crate) caller: &'a Caller,
    pub(crate) facts: &'a RequestFacts,
    pub(crate) params: &'a Params,
    /// Takes the result: `None` for operations that answer nothing.
    pub(crate) encode: &'a mut (dyn FnMut(Option<&Node<'_>>) + Send),
}

/// Binds an operation: its decoder and, if it answers something, its encoder.
macro_rules! bind {
    ($operation:ty, $decode:expr) => {
        $crate::table::bind!(@ $operation, $decode, |_output, invocation| (invocation.encode)(None))
    };
    ($operation:ty, $decode:expr, $encode:expr) => {
        $crate::table::bind!(@ $operation, $decode, |output, invocation| {
            type Output = <$operation as ::locum_identity::operation::Operation>::Output;
            let encode: fn(&Output) -> $crate::node::Node<'_> = $encode;
            let node = encode(output).mark(|key| $crate::fields::page_marker(invocation.params, key));
            (invocation.encode)(Some(&node));
        })
    };
    (@ $operation:ty, $decode:expr, $finish:expr) => {
        $crate::table::Binding {
            service: <$operation as ::locum_identity::operation::Operation>::SERVICE,
            name: <$operation as ::locum_identity::operation::Operation>::NAME,
            invoke: |mut invocation| {
                type Decode = fn(&mut $crate::fields::Fields<'_>) -> Result<$operation, ::locum_identity::error::Error>;
                type Finish = fn(
                    &<$operation as ::locum_identity::operation::Operation>::Output,
                    &mut $crate::table::Invocation<'_>,
                );
                const DECODE: Decode = $decode;
                const FINISH: Finish = $finish;
                Box::pin(async move {
                    let service = <$operation as ::locum_identity::operation::Operation>::SERVICE;
                    let input = DECODE(&mut $crate::table::fields(service, invocation.params))?;
                    let output = invocation.realm.call(invocation.caller, invocation.facts, input).await?;
                    FINISH(&output, &mut invocation);
                    Ok(())
                })
            },
        }
    };
}
pub(crate) use bind;

/// The fields of a request to a service. IAM leaves the values out of its validation messages; those of
/// EKS Auth are tokens.
pub(crate) fn fields(service: Service, params: &Params) -> Fields<'_> {
    Fields::new(params, !matches!(service, Service::Iam | Service::EksAuth))
}

/// Every operation of every service, sorted by service and name.
pub fn operations() -> &'static [Binding] {
    static OPERATIONS: LazyLock<Vec<Binding>> = LazyLock::new(|| {
        let mut all: Vec<_> = sts::bindings()
            .into_iter()
            .chain(iam::bindings())
            .chain(organizations::bindings())
            .chain(locum::bindings())
            .chain(eks::bindings())
            .chain(eks_auth::bindings())
            .chain(roles_anywhere::bindings())
            .collect();
        all.sort_by_key(|binding| (binding.service.name(), binding.name));
        all
    });
    &OPERATIONS
}

/// The name of an operation of a service, which is called by its signing name; `None` if there is none
/// of that name, in that letter case.
pub fn operation(service: &str, name: &str) -> Option<&'static str> {
    find(service, name).map(|binding| binding.name)
}

/// The binding of an operation, if there is one.
pub(crate) fn binding(service: Service, name: &str) -> Option<&'static Binding> {
    find(service.name(), name)
}

fn find(service: &str, name: &str) -> Option<&'static Binding> {
    let all = operations();
    let place = all.binary_search_by_key(&(service, name), |binding| {
        (binding.service.name(), binding.name)
    });
    all.get(place.ok()?)
}

#[cfg(test)]
mod tests {
    use super::operation;

    #[test]
    fn operations_are_known_by_their_exact_names() {
        assert_eq!(operation("iam", "CreateUser"), Some("CreateUser"));
        assert_eq!(operation("iam", "createuser"), None);
        assert_eq!(operation("sts", "CreateUser"), None);
        assert_eq!(operation("iam", ""), None);
    }
}
