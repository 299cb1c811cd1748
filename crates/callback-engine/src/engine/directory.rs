//! The services at hand, so that a request need not read them from the store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callback_domain::id::ServiceId;
use callback_domain::service::Service;
use callback_domain::target::SipAddress;
use tokio::time::Instant;

use crate::store::{Store, StoreError};

/// For how long services are believed that another node may have edited.
/// A change of a callback is safe all the same: its transaction asks for the service's version.
const BELIEVED: Duration = Duration::from_secs(1);

/// Every service of the installation, by name.
#[derive(Debug)]
pub struct Services(Vec<Arc<Service>>);

impl Services {
    /// The service with an identity.
    #[must_use]
    pub fn by_id(&self, id: ServiceId) -> Option<&Arc<Service>> {
        self.0.iter().find(|service| service.id == id)
    }

    /// The service with an address.
    #[must_use]
    pub fn by_sip(&self, address: &SipAddress) -> Option<&Arc<Service>> {
        let key = address.key();
        self.0.iter().find(|service| service.sip_uri.key() == key)
    }

    /// Every service, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.0.iter()
    }
}

/// Remembers the services until they are edited.
#[derive(Debug, Default)]
pub(super) struct Directory(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    /// How often it was emptied; what was read before is not put back after.
    edits: u64,
    read: Option<(Instant, Arc<Services>)>,
}

impl Directory {
    pub(super) async fn services(&self, store: &dyn Store) -> Result<Arc<Services>, StoreError> {
        let edits = {
            let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, services)) = &shelf.read
                && (store.is_exclusive() || at.elapsed() < BELIEVED)
            {
                return Ok(Arc::clone(services));
            }
            shelf.edits
        };
        let at = Instant::now();
        let services = store.services().await?.into_iter().map(Arc::new).collect();
        let services = Arc::new(Services(services));
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.edits == edits {
            shelf.read = Some((at, Arc::clone(&services)));
        }
        Ok(services)
    }

    /// Forgets everything, after an edit.
    pub(super) fn forget(&self) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.edits = shelf.edits.wrapping_add(1);
        shelf.read = None;
    }
}
