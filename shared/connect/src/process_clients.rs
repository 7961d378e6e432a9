//! What a process makes once.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

type Values = HashMap<TypeId, Box<dyn Any + Send + Sync>>;

/// The clients of a process, one of each type, with their connections. They stay when its secrets
/// are read again, so they are made without any variable or secret.
#[derive(Clone, Default)]
pub struct ProcessClients(Arc<Mutex<Values>>);

impl fmt::Debug for ProcessClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessClients")
    }
}

impl ProcessClients {
    /// The value of this type, made by the first call that succeeds.
    pub(crate) fn get_or_make<T: Clone + Send + Sync + 'static, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(known) = self.get() {
            return Ok(known);
        }
        let made = make()?;
        self.values().insert(TypeId::of::<T>(), Box::new(made.clone()));
        Ok(made)
    }

    fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.values().get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_type_is_made() {
        let clients = ProcessClients::default();
        let shared = clients.clone();
        assert_eq!(clients.get_or_make(|| Err::<u8, _>("not yet")), Err("not yet"));
        assert_eq!(clients.get_or_make(|| Ok::<u8, &str>(1)), Ok(1));
        assert_eq!(shared.get_or_make(|| Ok::<u8, &str>(2)), Ok(1));
        assert_eq!(shared.get_or_make(|| Ok::<u16, &str>(3)), Ok(3));
    }
}
