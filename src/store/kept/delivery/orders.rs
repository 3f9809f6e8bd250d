//! Orders that operators give for an endpoint's deliveries, until its worker has carried them out.

use crate::lock::lock;
use crate::model::EndpointName;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1};
use crate::store::values::delivery::Order;

impl Store {
    /// Adds an order for an endpoint; its worker picks it up the next time it looks.
    pub fn order(&self, endpoint: &EndpointName, order: &Order) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let last = self
            .orders(endpoint)?
            .last()
            .map_or(0, |(number, _)| *number);
        let key = keys::order(endpoint, last + 1);
        self.engine
            .write(vec![codec::put(key, &v1::Order::from(order))])?;
        Ok(())
    }

    /// Returns the orders for an endpoint that are still pending, the earliest first.
    pub fn orders(&self, endpoint: &EndpointName) -> Result<Vec<(u64, Order)>, StoreError> {
        self.engine.read("reading orders", |reader| {
            reader
                .prefix(&keys::of_endpoint(Keyspace::Order, endpoint))
                .map(|row| {
                    let (key, value) = row?;
                    let number = keys::trailing_number(&key)
                        .ok_or_else(|| codec::flawed(&key, "no number"))?;
                    Ok((number, codec::read_row::<v1::Order>(&key, &value)?.into()))
                })
                .collect()
        })
    }
}
