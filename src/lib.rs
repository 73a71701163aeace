#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "ambassador")]
pub use entourage_ambassador as ambassador;
pub use entourage_blueprint as blueprint;
pub use entourage_core as core;
#[cfg(feature = "election")]
pub use entourage_election as election;
#[cfg(feature = "http")]
pub use entourage_http as http;
#[cfg(feature = "queue")]
pub use entourage_queue as queue;
#[cfg(feature = "scatter-gather")]
pub use entourage_scatter_gather as scatter_gather;
#[cfg(feature = "sharding")]
pub use entourage_sharding as sharding;
#[cfg(feature = "sim")]
pub use entourage_sim as sim;
#[cfg(feature = "store")]
pub use entourage_store as store;
#[cfg(feature = "workflow")]
pub use entourage_workflow as workflow;
#[cfg(feature = "workqueue")]
pub use entourage_workqueue as workqueue;

/// The pages of `docs/recipes`, whose code is compiled and run with the crate's doc-tests.
#[cfg(all(doctest, feature = "full"))]
mod recipes {
    #[doc = include_str!("../docs/recipes/command-per-file.md")]
    struct CommandPerFile;
    #[doc = include_str!("../docs/recipes/cron-job.md")]
    struct CronJob;
    #[doc = include_str!("../docs/recipes/queue-between-services.md")]
    struct QueueBetweenServices;
    #[doc = include_str!("../docs/recipes/shards-without-a-proxy.md")]
    struct ShardsWithoutAProxy;
    #[doc = include_str!("../docs/recipes/word-count.md")]
    struct WordCount;
}
