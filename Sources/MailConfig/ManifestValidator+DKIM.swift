// What is written about the rotation of DKIM keys and would break signatures.
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
}
