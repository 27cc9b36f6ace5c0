//! What a proxy's parts share, without a socket.

use tokio::runtime::Handle;

use super::*;

/// A proxy's shared part, on the runtime of the test.
pub(crate) fn test_shared() -> Arc<Shared> {
    let (name, address) = (ProxyName::new("test").unwrap(), ([127, 0, 0, 1], 0).into());
    let runtime = Handle::current();
    Arc::new(Shared::new(name, 1, None, address, runtime, None))
}

#[tokio::test]
async fn a_link_that_is_cut_again_before_it_has_ended_counts_once() {
    let shared = test_shared();
    let client = ([127, 0, 0, 1], 5).into();
    let seats = [(); 2].map(|()| shared.seat(0, client).unwrap());
    shared.cut_links(&shared.state(), Cut::Fin);
    shared.cut_links(&shared.state(), Cut::Reset);
    assert_eq!(shared.counters.cut.load(Ordering::Relaxed), 2);
    drop(seats);
    let ended = shared.connections();
    assert!(ended.len() == 2 && ended.iter().all(|one| one.cut && one.closed.is_some()));
}
