// Verifies a bundle that is signed with a certificate with the library that npm itself uses:
// verify_certificate.js BUNDLE.json ROOT.pem BETWEEN.pem NAME
//
// The library takes a chain of certificates from bundles up to version 0.2 alone, where a model's signature is one of 0.3
// with a chain. The two write it alike, so the version is said to be another; no signature covers it. And the library judges
// a chain at the times of trusted timestamps, of which there are none here: it is told that there is one of now.
import { readFileSync } from "node:fs";
import { bundleFromJSON } from "@sigstore/bundle";
import { X509Certificate } from "@sigstore/core";
import { Verifier, toSignedEntity } from "@sigstore/verify";

const [bundleFile, rootFile, betweenFile, subjectAlternativeName] = process.argv.slice(2);
const read = (file) => X509Certificate.parse(readFileSync(file, "utf8"));
const trusted = {
  certificateAuthorities: [
    { certChain: [read(betweenFile), read(rootFile)], validFor: { start: new Date(0), end: new Date(8.64e15) } },
  ],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey: (hint) => {
    throw new Error(`the bundle is by a key: ${hint}`);
  },
};
const json = JSON.parse(readFileSync(bundleFile, "utf8"));
const entity = toSignedEntity(
  bundleFromJSON({ ...json, mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.2" }),
);
const now = Math.floor(Date.now() / 1000).toString();
entity.timestamps.push({
  $case: "transparency-log",
  tlogEntry: { inclusionPromise: {}, logId: { keyId: Buffer.alloc(32) }, integratedTime: now },
});
const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 1 });
verifier.verify(entity, { subjectAlternativeName });
console.log("verified");
