//! Routes with what they answer.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::MethodRouter;
use serde_json::Value;

use super::operation::Operation;

/// Routes, each with the operations that it answers.
#[derive(Debug)]
pub(in crate::web) struct Routes<S = ()> {
    router: Router<S>,
    pub(super) described: Described,
}

/// What some routes answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Described {
    pub(super) operations: Vec<Operation>,
    /// The schemas that operations refer to by name.
    pub(super) schemas: BTreeMap<&'static str, Value>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Begins without routes.
    pub(in crate::web) fn new() -> Self {
        Self {
            router: Router::new(),
            described: Described::default(),
        }
    }

    /// Adds a route, with the operations that it answers.
    #[must_use]
    pub(in crate::web) fn route(
        mut self,
        path: &str,
        methods: MethodRouter<S>,
        operations: Vec<Operation>,
    ) -> Self {
        let mut operations = operations;
        debug_assert!(!operations.is_empty(), "{path} is not described");
        for operation in &operations {
            let described = &operation.path;
            debug_assert!(is_of(described, path), "{described} is not of {path}");
        }
        self.described.operations.append(&mut operations);
        self.router = self.router.route(path, methods);
        self
    }

    /// Adds a route that the document does not mention: it says that something is not offered, or
    /// is another spelling of a route that the document has.
    #[must_use]
    pub(in crate::web) fn unlisted(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.router = self.router.route(path, methods);
        self
    }

    /// Adds schemas that operations refer to by name.
    #[must_use]
    pub(in crate::web) fn schemas(mut self, schemas: Vec<(&'static str, Value)>) -> Self {
        self.described.schemas.extend(schemas);
        self
    }

    /// Adds the routes of others.
    #[must_use]
    pub(in crate::web) fn merge(mut self, others: Self) -> Self {
        let Described {
            mut operations,
            schemas,
        } = others.described;
        self.described.operations.append(&mut operations);
        self.described.schemas.extend(schemas);
        self.router = self.router.merge(others.router);
        self
    }

    /// Gives the routes what they answer with.
    pub(in crate::web) fn with_state<T>(self, state: S) -> Routes<T> {
        Routes {
            router: self.router.with_state(state),
            described: self.described,
        }
    }

    /// Returns the routes as axum knows them.
    pub(super) fn into_router(self) -> Router<S> {
        self.router
    }
}

/// Returns whether a path is one of a route: `/a/users/{id}` is one of `/a/{list}/{id}`, and of
/// `/a/{*rest}`.
fn is_of(path: &str, route: &str) -> bool {
    let (mut path, mut route) = (path.split('/'), route.split('/'));
    loop {
        match (path.next(), route.next()) {
            (None, None) => return true,
            (Some(_), Some(part)) if part.starts_with("{*") => return true,
            (Some(given), Some(part)) if part.starts_with('{') && !given.is_empty() => {}
            (Some(given), Some(part)) if given == part => {}
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_its_route_alone() {
        for (path, route, expected) in [
            ("/livez", "/livez", true),
            ("/a/users", "/a/{list}", true),
            ("/a/users/{id}", "/a/{list}/{id}", true),
            ("/a/b/c", "/a/{*rest}", true),
            ("/a", "/a/{*rest}", false),
            ("/a/", "/a/{list}", false),
            ("/a/users/x", "/a/{list}", false),
            ("/a/users", "/a/roles", false),
        ] {
            assert_eq!(is_of(path, route), expected, "{path} {route}");
        }
    }
}
