import MailSyntax

// Who may send, by settings that are right alone.
extension CrossCheck {
    mutating func openRelay() {
        guard !manifest.relay.acceptedRisks.contains(.openRelay) else { return }
        for finding in OpenRelayCheck.findings(manifest) {
            report(
                finding.setting, message: finding.message,
                remedy: finding.remedy + "; or write `relay: {accept_risk: [open-relay]}`")
        }
    }

    mutating func devices() {
        for (index, device) in manifest.devices.enumerated() {
            let earlier = manifest.devices.prefix(index)
            if earlier.contains(where: { $0.name == device.name }) {
                report(
                    "devices", message: "`devices` has two items with the name `\(device.name)`",
                    remedy: "give each its own `name`")
            }
            check(device)
            checkLogin(of: device, earlier)
        }
    }

    private mutating func check(_ device: Manifest.Device) {
        if device.senders.isEmpty {
            report(
                "devices", message: "the device `\(device.name)` may not send as anybody",
                remedy: "write the addresses it sends from under `senders`")
        }
        if (device.username == nil) != (device.password == nil) {
            let lacks = device.username == nil ? "username" : "password_file"
            report(
                "devices", message: "the device `\(device.name)` has no `\(lacks)`",
                remedy: "write `username` together with `password_file` or `password_env`, or neither")
        }
    }

    private mutating func checkLogin(of device: Manifest.Device, _ earlier: ArraySlice<Manifest.Device>) {
        if let username = device.username {
            let folded = EmailAddress.fold(username)
            guard let other = earlier.first(where: { $0.username.map(EmailAddress.fold) == folded }) else { return }
            report(
                "devices", message: "the devices `\(other.name)` and `\(device.name)` log in with the same name",
                remedy: "give each its own `username`")
            return
        }
        if device.networks.isEmpty {
            report(
                "devices", message: "the device `\(device.name)` has neither a login nor networks to be known by",
                remedy: "write its address under `networks`, or give it a `username` and a password")
        }
        if !manifest.listeners.contains(where: { $0.kind == .device }) {
            report(
                "devices", message: "the device `\(device.name)` has no login, and no listener is of the kind `device`",
                remedy: "add a listener `{kind: device, port: 2525}`, or give it a `username` and a password")
        }
        let others = earlier.filter { $0.username == nil }
        if let other = others.first(where: { !Set($0.networks).isDisjoint(with: device.networks) }) {
            report(
                "devices", message: "the devices `\(other.name)` and `\(device.name)` have a network in common",
                remedy: "name each device's own address, or give them logins")
        }
    }
}
