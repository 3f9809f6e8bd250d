//! Makes a signing secret that nobody has yet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secret::Secret;

/// Random bytes of a secret that we make: as many as the hash has.
const N_BYTES: usize = 32;

/// The system gave no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random numbers to make a secret of: {what} [{}]", self.code())]
pub struct NoRandomness {
    /// What it said.
    what: getrandom::Error,
}

impl NoRandomness {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        "deliver.no-randomness"
    }
}

/// Makes a secret of the system's random numbers, `whsec_` and base64.
pub fn fresh_secret() -> Result<Secret, NoRandomness> {
    let mut bytes = [0; N_BYTES];
    getrandom::fill(&mut bytes).map_err(|what| NoRandomness { what })?;
    Ok(Secret::new(&format!("whsec_{}", STANDARD.encode(bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::SigningSecret;

    #[test]
    fn a_fresh_secret_signs_and_is_another_each_time() {
        let (one, other) = (fresh_secret().unwrap(), fresh_secret().unwrap());

        assert!(SigningSecret::parse(&one).is_ok());
        assert_ne!(one, other);
    }
}
