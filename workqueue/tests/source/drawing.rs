//! Sources as others see them: drawn, and with their numbers.

use std::sync::Arc;

use entourage_blueprint::{Blueprint, Format};
use entourage_workqueue::{Filter, FromNames, HttpSource, Merger, SourceServer, WorkSource};

use crate::serving::name;

#[tokio::test]
async fn a_composition_is_drawn_with_its_parts_and_numbers() {
    let numbers: Arc<dyn WorkSource> = Arc::new(FromNames::from_iter(["1", "2"]).with_name("numbers"));
    let odd = Filter::new(Arc::clone(&numbers), |name| name.as_str() == "1").with_name("odd");
    let remote = HttpSource::new("http://127.0.0.1:1").unwrap().with_name("remote");
    let merger = Merger::new("all").with("a", odd).unwrap().with("b", remote).unwrap();
    let listing = merger.items().await.unwrap();
    assert_eq!((listing.names(), listing.is_complete()), (&[name("a/1")][..], false));
    let server = SourceServer::new(merger);
    let blueprint = Blueprint::of(&server);
    assert_eq!(blueprint.check(), []);
    let drawn = blueprint.render(Format::Mermaid);
    for part in ["numbers", "odd", "remote", "all", "all, served"] {
        assert!(drawn.contains(part), "{part} in {drawn}");
    }
}
