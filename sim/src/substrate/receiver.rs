//! A receiver whose answers may be late or lost.

use std::{fmt, sync::Arc};

use entourage_queue::{Ask, Delivery, Receiver, Result};

use crate::{
    call::Call,
    link::brief,
    substrate::book::{Book, Burden},
};

/// A receiver whose answers may be late or lost.
///
/// What a lost answer carried is dropped, and so given back. What was on its way when `receive`
/// was dropped is handed out by the next call that asks for the same, or given back.
pub(super) struct SimReceiver {
    inner: Option<Box<dyn Receiver>>,
    book: Arc<Book>,
    arrived: Option<(Ask, Vec<Delivery>)>,
}

impl SimReceiver {
    pub(super) const fn new(inner: Box<dyn Receiver>, book: Arc<Book>) -> Self {
        Self { inner: Some(inner), book, arrived: None }
    }
}

fn inner(receiver: &mut Option<Box<dyn Receiver>>) -> &mut dyn Receiver {
    &mut **receiver.as_mut().expect("only dropping takes it")
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for SimReceiver {
    async fn receive(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        if let Some((asked, deliveries)) = self.arrived.take()
            && asked == ask
        {
            return Ok(deliveries);
        }
        let call = Call::ReceiverReceive;
        let book = Arc::clone(&self.book);
        let plan = book.link.request(call).await?;
        let answer = book.link.reach(inner(&mut self.inner).receive(ask)).await;
        let (shown, failed) = match answer {
            Ok(deliveries) => {
                let shown = format!("{deliveries:?}");
                for delivery in &deliveries {
                    let resource = book.resource(delivery);
                    book.link.world.grants.granted(&resource, &book.link.name, delivery.fence().epoch());
                }
                let copies = deliveries.into_iter().map(|delivery| book.enter(delivery)).collect();
                self.arrived = Some((ask, copies));
                (shown, None)
            }
            Err(error) => (error.to_string(), Some(error)),
        };
        if let Err(lost) = book.link.answer(call, &plan, shown).await {
            self.arrived = None;
            return Err(lost.into());
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(self.arrived.take().map(|(_, deliveries)| deliveries).unwrap_or_default()),
        }
    }

    async fn close(&mut self) -> Result<()> {
        let call = Call::ReceiverClose;
        let link = self.book.link.clone();
        let plan = link.request(call).await?;
        self.arrived = None;
        let answer = link.reach(inner(&mut self.inner).close()).await;
        link.answer(call, &plan, brief(&answer)).await?;
        answer
    }
}

impl Drop for SimReceiver {
    fn drop(&mut self) {
        self.arrived = None;
        if let Some(receiver) = self.inner.take() {
            self.book.release(Burden::Receiver(receiver));
        }
    }
}

impl fmt::Debug for SimReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimReceiver").field("book", &self.book).finish_non_exhaustive()
    }
}
