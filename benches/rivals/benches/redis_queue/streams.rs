//! Raw Streams by the `redis` crate, and nothing on top: no ids that are remembered, no leases by
//! time, no counts, no order of keys, no capacity.

use entourage_rivals::{Figure, Stopwatch};
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client,
    streams::{StreamReadOptions, StreamReadReply},
};

use crate::{Load, Outcome, payload};

/// Published and then received and accepted, batch by batch.
pub async fn turn(endpoint: &str, load: Load) -> Outcome<[Figure; 2]> {
    let client = Client::open(format!("redis://{endpoint}/"))?;
    // Its usual half a second is less than a disk may take.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut server = client.get_multiplexed_async_connection_with_config(&config).await?;
    let () = server.xgroup_create_mkstream("work", "workers", "0").await?;
    let watch = Stopwatch::start();
    for first in (0..load.items).step_by(load.batch) {
        let mut pipeline = redis::pipe();
        for number in first..first + load.batch {
            let mut fields = vec![("id", format!("item-{number:08}")), ("payload", payload())];
            fields.extend(load.key(number).map(|key| ("key", key)));
            pipeline.xadd("work", "*", &fields).ignore();
        }
        let () = pipeline.query_async(&mut server).await?;
    }
    let published = watch.figure(load.items);
    let options = StreamReadOptions::default().group("workers", "one").count(load.batch);
    let watch = Stopwatch::start();
    let mut done = 0;
    while done < load.items {
        let read: Option<StreamReadReply> = server.xread_options(&["work"], &[">"], &options).await?;
        let entries = read.into_iter().flat_map(|read| read.keys).flat_map(|stream| stream.ids);
        let ids: Vec<String> = entries.map(|entry| entry.id).collect();
        let mut pipeline = redis::pipe();
        pipeline.xack("work", "workers", &ids).ignore().xdel("work", &ids).ignore();
        let () = pipeline.query_async(&mut server).await?;
        done += ids.len();
    }
    let consumed = watch.figure(done);
    let left: usize = server.xlen("work").await?;
    assert_eq!((done, left), (load.items, 0), "what was received is settled");
    Ok([published, consumed])
}
