// What is written about DKIM and would break signatures, or have no effect.
extension CrossCheck {
    mutating func keyRotation() {
        let retention = manifest.dkimRetention
        let longest = max(manifest.queue.lifetime, manifest.queue.bounceLifetime)
        if retention < longest {
            let other = manifest.queue.lifetime == longest ? "queue.lifetime" : "queue.bounce_lifetime"
            report(
                "dkim.retire_after", other,
                message: "`dkim.retire_after` is shorter than `\(other)`: mail that waits could no longer be verified",
                remedy: "make it at least \(DurationText.render(longest)), or remove the line"
            )
        }
        if let every = manifest.dkim.rotateEvery, every < retention {
            report(
                "dkim.rotate_every", "dkim.retire_after",
                message: "`dkim.rotate_every` is shorter than the time that replaced keys are kept for",
                remedy: "make it at least \(DurationText.render(retention)), or shorten `dkim.retire_after`"
            )
        }
    }

    mutating func signing() {
        let dkim = manifest.dkim
        if dkim.rsaSelector.lowercased() == dkim.ed25519Selector.lowercased() {
            report(
                "dkim.rsa_selector", "dkim.ed25519_selector",
                message: "`dkim.rsa_selector` and `dkim.ed25519_selector` are the same",
                remedy: "each key is published under a name of its own: change one"
            )
        }
        if (dkim.keyTable == nil) != (dkim.signingTable == nil) {
            let has = dkim.keyTable == nil ? "signing_table" : "key_table"
            let lacks = dkim.keyTable == nil ? "key_table" : "signing_table"
            report(
                "dkim.\(has)", message: "`dkim.\(has)` is set, but `dkim.\(lacks)` is not",
                remedy: "add `\(lacks): …` beside it: one says who signs with which key, the other where the keys are"
            )
        }
        if dkim.multipleSignatures, dkim.signingTable == nil {
            report(
                "dkim.multiple_signatures",
                message: "`dkim.multiple_signatures` has no effect without `dkim.signing_table`",
                remedy: "remove it: all active keys of a domain in the directory sign in any case"
            )
        }
    }
}
