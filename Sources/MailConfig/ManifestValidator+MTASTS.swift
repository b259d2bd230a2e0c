// A policy that is announced and that nobody can fetch.
extension CrossCheck {
    mutating func ownPolicy() {
        let mode = manifest.mtaSTS.mode
        guard mode != .off, !manifest.listeners.contains(where: { $0.kind == .https }) else { return }
        report(
            "mta_sts.mode", "listeners",
            message: "`mta_sts.mode` is `\(mode.rawValue)`, but no listener is there to serve the policy",
            remedy: "add `{ kind: https }` to `listeners`, or remove the line")
    }
}
