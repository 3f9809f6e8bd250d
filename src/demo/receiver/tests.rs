//! The receiver over real HTTP.

use std::time::SystemTime;

use super::*;
use crate::demo::ask::client;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const DEADLINE: Duration = Duration::from_secs(10);

#[expect(
    clippy::disallowed_methods,
    reason = "the verifier under test judges by the machine's clock"
)]
fn now() -> i64 {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(passed.unwrap().as_secs()).unwrap()
}

async fn send(receiver: &Receiver, secret: &str, at: i64, n: u64) -> reqwest::Result<(u16, usize)> {
    let body = format!(r#"{{"type":"user.created","sequence":{n}}}"#);
    let id = format!("evt_{n}");
    let signature = Webhook::new(secret).unwrap().sign(&id, at, body.as_bytes());
    let answer = client()
        .post(receiver.url())
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", signature.unwrap())
        .body(body)
        .send()
        .await?;
    let status = answer.status().as_u16();
    Ok((status, answer.bytes().await?.len()))
}

#[tokio::test]
async fn signatures_are_judged() {
    let receiver = Receiver::start(vec![OTHER.into(), SECRET.into()])
        .await
        .unwrap();
    let mut watch = receiver.watch();
    let foreign = "whsec_AAAAsBQIhrscChlQIMV+b5sSYspob7oD";
    for (secret, at, status, verified, signed) in [
        (SECRET, now(), 200, true, true),
        (OTHER, now(), 200, true, true),
        (SECRET, now() - 3_600, 200, false, true),
        (foreign, now(), 401, false, false),
    ] {
        let seen = send(&receiver, secret, at, 7).await.unwrap();

        assert_eq!(seen.0, status);
        let delivery = watch.recv().await.unwrap();
        assert_eq!((delivery.verified, delivery.signed), (verified, signed));
        assert_eq!(delivery.is_accepted(), signed);
        assert_eq!(delivery.event_type.as_deref(), Some("user.created"));
        assert_eq!(
            (delivery.id.as_str(), delivery.sequence),
            ("evt_7", Some(7))
        );
        assert_eq!(delivery.timestamp, Some(at));
    }
    assert_eq!(
        (
            receiver.count(),
            receiver.count_unsigned(),
            receiver.count_accepted()
        ),
        (4, 1, 3)
    );
}

#[tokio::test]
async fn answers_can_be_bad_at_chosen_requests() {
    let receiver = Receiver::start(vec![SECRET.into()]).await.unwrap();
    let after = Reply::RetryAfter {
        status: 429,
        seconds: 9,
    };
    for (reply, expected) in [
        (Reply::Status(500), Some((500, 0))),
        (after, Some((429, 0))),
        (
            Reply::Says {
                status: 400,
                text: "no".into(),
            },
            Some((400, 2)),
        ),
        (Reply::Redirect("/elsewhere".into()), Some((302, 0))),
        (Reply::HugeBody(3_000_000), Some((200, 3_000_000))),
        (Reply::Cut, None),
        (Reply::Slow(Duration::from_millis(1)), Some((200, 0))),
    ] {
        receiver.respond_with(reply.clone(), When::Nth(2));

        assert_eq!(send(&receiver, SECRET, now(), 1).await.unwrap(), (200, 0));
        let second = send(&receiver, SECRET, now(), 2).await.ok();
        assert_eq!(second, expected, "{reply:?}");
        assert_eq!(send(&receiver, SECRET, now(), 3).await.unwrap(), (200, 0));
        receiver.respond_well();
    }
}

#[tokio::test]
async fn waiting_ends_with_what_was_waited_for_or_with_the_deadline() {
    let receiver = Receiver::start_at(None, vec![], Retention::All)
        .await
        .unwrap();

    let third = |all: &[Arc<Delivery>]| all.iter().any(|one| one.sequence == Some(3));
    let sent = async {
        for n in 1..=3 {
            send(&receiver, SECRET, 0, n).await.unwrap();
        }
    };
    let (found, counted, ()) = tokio::join!(
        receiver.wait_until(DEADLINE, third),
        receiver.wait_for(3, DEADLINE),
        sent
    );

    assert!(found && counted);
    assert!(!receiver.wait_for(4, Duration::from_millis(1)).await);
    assert_eq!(receiver.deliveries().len(), 3);
}

#[tokio::test]
async fn counting_keeps_nothing() {
    let receiver = Receiver::start_at(None, vec![], Retention::CountOnly)
        .await
        .unwrap();

    send(&receiver, SECRET, 0, 1).await.unwrap();

    assert_eq!((receiver.count(), receiver.deliveries().len()), (1, 0));
    receiver.stop().await;
}
