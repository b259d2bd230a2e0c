extension Manifest {
    /// The name of the route that `outbound.smarthost` stands for.
    package static let smarthostRouteName = "smarthost"

    /// The route that `outbound.smarthost` stands for; it takes what no rule takes. nil when there is none.
    /// - Parameter origin: where it was written.
    package func smarthostRoute(origin: String = "") -> Route? {
        guard let smarthost = outbound.smarthost else { return nil }
        var route = Route(name: Self.smarthostRouteName, kind: .smarthost, origin: origin)
        route.hosts = [RouteHost(.host(smarthost.host), port: smarthost.port)]
        route.implicitTLS = smarthost.tls == .implicit
        let level: TLSLevel = smarthost.tls == .none ? .none : smarthost.verify ? .secure : .encrypt
        route.tls = TLSRequirement(level: level)
        if let username = smarthost.username, let file = smarthost.passwordFile {
            route.login = RouteLogin(username: username, password: .file(file))
        }
        return route
    }

    /// Every route that there is, by its name: those written, `direct`, and that of `outbound.smarthost`.
    package func effectiveRoutes(smarthostOrigin: String = "") -> [Route] {
        var routes = routing.routes
        let names = Set(routes.map(\.name))
        if let smarthost = smarthostRoute(origin: smarthostOrigin), !names.contains(smarthost.name) {
            routes.append(smarthost)
        }
        if !names.contains(Route.direct.name) { routes.append(.direct) }
        return routes
    }
}
