// Verifies deliveries with the JavaScript library of Standard Webhooks.
//
// Reads JSON lines {secret, headers, body} and answers each with a line: ok or failed. The library
// knows v1 alone; with a public key (whpk_) it is v1a that is verified, as the specification says.

import { createPublicKey, verify } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Packages stand where the first argument says, and not beside this file.
const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const { Webhook } = require("standardwebhooks");

function verifyAsymmetric(publicKey, body, headers) {
  const x = Buffer.from(publicKey, "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  for (const versioned of headers["webhook-signature"].split(" ")) {
    const [version, signature] = versioned.split(",");
    if (version !== "v1a") continue;
    if (verify(null, Buffer.from(signed), key, Buffer.from(signature, "base64"))) return;
  }
  throw new Error("no matching signature");
}

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    if (secret.startsWith("whpk_")) {
      verifyAsymmetric(secret.slice("whpk_".length), body, headers);
    } else {
      new Webhook(secret).verify(body, headers);
    }
    console.log("ok");
  } catch (error) {
    console.log(`failed: ${error.name}: ${error.message}`);
  }
}
