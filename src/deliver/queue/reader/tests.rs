//! Reads everything at once, for tests that compare with it.

use bytes::Bytes;

use super::*;

/// Reads what an endpoint gets, as its worker does.
pub(in crate::deliver) fn of_endpoint(
    feed: &Feed,
    endpoint: &Endpoint,
    after: Seq,
) -> Vec<(String, Bytes)> {
    let mut got = Vec::new();
    let mut take = |delivery| {
        let contents = contents(feed, endpoint, &mut [delivery]).unwrap();
        for content in contents.into_iter().flatten() {
            let event = content.event(feed.store().id()).unwrap();
            let body = endpoint.message(std::slice::from_ref(&event)).body;
            got.push((event.id.clone(), body));
        }
    };
    let mut at = after;
    loop {
        let page = read(feed, endpoint, ReadPosition::Journal(at)).unwrap();
        for met in page.met {
            match met {
                Met::Entry(seq, delivery) => {
                    at = seq;
                    delivery.into_iter().for_each(&mut take);
                }
                Met::Listed(seq) => {
                    at = seq;
                    let mut number = None;
                    loop {
                        let from = ReadPosition::Members {
                            entry: seq,
                            after: number,
                        };
                        let users = read(feed, endpoint, from).unwrap();
                        if users.met.is_empty() {
                            break;
                        }
                        for met in users.met {
                            let Met::Member(n, delivery) = met else {
                                panic!("only users are met in a list: {met:?}");
                            };
                            number = Some(n);
                            take(delivery);
                        }
                    }
                }
                Met::Loaded { .. } | Met::Member(..) | Met::Record(..) => {
                    panic!("there is no backfill: {met:?}");
                }
            }
        }
        if at >= feed.store().last_seq() {
            return got;
        }
    }
}
