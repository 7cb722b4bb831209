// Verifies a bundle with the library that npm itself uses: verify.js BUNDLE.json KEY.pem FINGERPRINT
import { readFileSync } from "node:fs";
import { createPublicKey } from "node:crypto";
import { bundleFromJSON } from "@sigstore/bundle";
import { Verifier, toSignedEntity } from "@sigstore/verify";

const [bundleFile, keyFile, fingerprint] = process.argv.slice(2);
const publicKey = createPublicKey(readFileSync(keyFile));
const trusted = {
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey: (hint) => {
    if (hint !== fingerprint) throw new Error(`the bundle is by another key: ${hint}`);
    return { publicKey, validFor: () => true };
  },
};
const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(bundleFile, "utf8")))));
console.log("verified");
