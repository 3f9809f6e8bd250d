//! Generates signing secrets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::signature::{HALF, PRIVATE, SYMMETRIC};
use crate::deliver::endpoint::options::Endpoint;
use crate::secret::Secret;

/// Random bytes in a shared secret that we generate: as many as the hash has.
const N_BYTES: usize = 32;

/// The system gave no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system provided no random numbers to make a secret from: {what} [{}]", self.code())]
pub struct NoRandomness {
    /// The system's error.
    what: getrandom::Error,
}

impl NoRandomness {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        "deliver.no-randomness"
    }
}

/// Generates a secret from the system's random numbers, of the kind that the endpoint uses:
/// `whsec_`, which is shared, or `whsk_`, an ed25519 key.
pub fn generate_secret(endpoint: &Endpoint) -> Result<Secret, NoRandomness> {
    if endpoint.public_keys().is_empty() {
        return generate_shared_secret();
    }
    let seed = random::<HALF>()?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed has this length");
    let bytes = [&seed, pair.public_key().as_ref()].concat();
    Ok(encoded(PRIVATE, &bytes))
}

/// Generates a shared secret, `whsec_`, from the system's random numbers.
pub fn generate_shared_secret() -> Result<Secret, NoRandomness> {
    Ok(encoded(SYMMETRIC, &random::<N_BYTES>()?))
}

fn encoded(prefix: &str, bytes: &[u8]) -> Secret {
    Secret::new(&format!("{prefix}{}", STANDARD.encode(bytes)))
}

fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|what| NoRandomness { what })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::options;
    use crate::deliver::{Options, SigningSecret};

    #[test]
    fn a_generated_secret_is_of_the_endpoints_kind_and_another_each_time() {
        let parse = |text: &str| SigningSecret::parse(&Secret::new(text)).unwrap();
        let shared = options(([127, 0, 0, 1], 9).into());
        let key = Options {
            secrets: vec![parse(
                "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
            )],
            ..shared.clone()
        };
        for (options, prefix) in [(shared, "whsec_"), (key, "whsk_")] {
            let endpoint = Endpoint::new(options).unwrap();

            let one = generate_secret(&endpoint).unwrap();
            let other = generate_secret(&endpoint).unwrap();

            assert!(one.expose().starts_with(prefix), "{prefix}");
            let n_keys = endpoint.public_keys().len();
            assert_eq!(parse(one.expose()).public().is_some(), n_keys == 1);
            assert_ne!(one, other);
        }
    }
}
