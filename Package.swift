// swift-tools-version:6.2
import PackageDescription

// One target a noun; a target uses only targets listed above it (docs/architecture.md, "The house").
// `scripts/check-layering` reads this file and the imports, and fails when an arrow points upward.

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

extension Target.Dependency {
    static let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
    static let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
    static let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
    static let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
    static let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
    static let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
    static let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
    static let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
    static let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
    static let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
    static let yams = Target.Dependency.product(name: "Yams", package: "Yams")
    static let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
    static let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let asyncHTTP = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
    static let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
}

func room(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name), "MartletTesting"] + dependencies,
        swiftSettings: settings
    )
}

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        .executable(name: "MartletBench", targets: ["MartletBench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // C libraries of the system
        .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        // Without pkgConfig: Debian's libunbound.pc asks for libevent's, which it does not depend on.
        .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        .target(name: "CLinux"),

        // Pure values: no sockets, tasks, clocks, disk, loggers
        room("Telemetry"),
        room("MailSyntax", uses: ["CIDN2"]),
        room("Archives", uses: ["CZlib"]),
        room("MailMessage", uses: ["MailSyntax"]),
        room("MailConfig", uses: ["MailSyntax", .yams]),
        room("MailPolicy", uses: ["MailSyntax", "MailConfig", "CPCRE2"]),
        room("DNSCore", uses: ["MailSyntax"]),
        room("MailAuth", uses: ["MailSyntax", "MailMessage", "DNSCore", .crypto, .cryptoExtras]),
        room("MailDoctor", uses: ["MailSyntax", "DNSCore", "MailAuth", .crypto]),
        room("SASLCore", uses: ["MailSyntax", .crypto]),
        room("SMTPCore", uses: ["MailSyntax", .nioCore]),
        room("IMAPCore", uses: ["MailSyntax", "MailMessage", .nioCore]),
        room("POP3Core", uses: ["MailSyntax", .nioCore]),
        room("MilterCore", uses: ["MailSyntax", "MailMessage", .nioCore]),

        // State: what lasts
        room("SQLEngine", uses: ["MailSyntax", "CSQLite", .grdb]),
        room("MailTables", uses: ["MailSyntax", "MailConfig", "MailPolicy", "MailAuth", "SQLEngine"]),
        room("Blobs", uses: ["MailSyntax", "SQLEngine", "CLinux", .crypto]),
        room("Directory", uses: ["MailSyntax", "SASLCore", "SQLEngine", "CCrypt", "CArgon2", .crypto, .cryptoExtras]),
        room("MailStore", uses: ["MailSyntax", "MailMessage", "IMAPCore", "SQLEngine", "Blobs", "Directory"]),
        room("MailMove", uses: ["MailSyntax", "IMAPCore", "Archives", .crypto]),
        room("OutboundQueue", uses: ["MailSyntax", "SQLEngine", "Blobs"]),
        room(
            "MailIntake",
            uses: [
                "Telemetry", "MailSyntax", "MailMessage", "MailPolicy", "SQLEngine", "Blobs", "Directory", "MailStore",
                "OutboundQueue",
            ]
        ),

        room(
            "ReportInbox",
            uses: [
                "Archives", "MailSyntax", "MailMessage", "MailAuth", "SQLEngine", "Blobs", "Directory", "MailStore",
            ]
        ),

        // Services: sockets and tasks
        room(
            "OAuthClient",
            uses: [
                "MailSyntax", "MailConfig", "SASLCore", "Telemetry", "DNSCore", "SQLEngine", .asyncHTTP, .nioCore,
                .nioHTTP1,
                .nioPosix, .nioSSL, .logging, .crypto,
            ]
        ),
        room(
            "MTASTSClient",
            uses: [
                "MailSyntax", "MailAuth", "Telemetry", "DNSCore", "SQLEngine", .asyncHTTP, .nioCore, .nioHTTP1,
                .nioPosix, .nioSSL, .logging, .lifecycle,
            ]
        ),
        room(
            "MailReports",
            uses: [
                "Archives", "MailSyntax", "MailMessage", "MailAuth", "MailPolicy", "Telemetry", "DNSCore", "SQLEngine",
                "Blobs", "Directory", "OutboundQueue", "MailIntake", .asyncHTTP, .nioCore, .nioHTTP1, .nioPosix,
                .nioSSL,
                .logging, .lifecycle,
            ]
        ),
        room("DNSClient", uses: ["DNSCore", "MailSyntax", "CUnbound", .nioCore, .nioPosix, .logging]),
        room(
            "NetTransport",
            uses: [
                "MailSyntax", "Telemetry", "DNSCore", "MailAuth", "CLinux", "CZlib", .nioCore, .nioPosix, .nioTLS,
                .nioSSL,
                .logging, .lifecycle, .x509,
                .asn1,
                .crypto,
            ]
        ),
        room(
            "MilterClient",
            uses: ["Telemetry", "MilterCore", "MailConfig", "MailSyntax", "MailMessage", .nioCore, .nioPosix, .logging]
        ),
        room(
            "Sendmail",
            uses: [
                "MailSyntax", "MailMessage", "Telemetry", "SQLEngine", "CLinux", .nioPosix, .logging, .lifecycle,
            ]
        ),
        room(
            "SMTPServer",
            uses: [
                "MilterCore", "MilterClient", "SMTPCore", "SASLCore", "MailSyntax", "MailMessage", "MailTables",
                "MailAuth", "MailPolicy", "MailConfig",
                "Telemetry",
                "Directory",
                "MailStore", "OutboundQueue", "MailIntake", "Blobs", "SQLEngine", "NetTransport", "DNSCore",
                "DNSClient",
                .nioCore, .nioPosix, .nioSSL, .logging, .lifecycle, .crypto,
            ]
        ),
        room(
            "IMAPServer",
            uses: [
                "IMAPCore", "SASLCore", "MailSyntax", "MailMessage", "MailConfig", "Telemetry", "Directory",
                "MailStore",
                "Blobs", "SQLEngine", "NetTransport", .nioCore, .nioPosix, .nioSSL, .logging, .lifecycle,
            ]
        ),
        room(
            "POP3Server",
            uses: [
                "POP3Core", "SASLCore", "MailSyntax", "MailMessage", "MailConfig", "Telemetry", "Directory",
                "MailStore",
                "Blobs", "SQLEngine", "NetTransport", .nioCore, .nioPosix, .nioSSL, .logging, .lifecycle,
            ]
        ),
        room(
            "WebServer",
            uses: ["MailSyntax", "NetTransport", .nioCore, .nioPosix, .logging]
        ),
        room(
            "SMTPDelivery",
            uses: [
                "SMTPCore", "SASLCore", "MailSyntax", "MailMessage", "MailPolicy", "MailAuth", "MailConfig",
                "MailTables",
                "Telemetry",
                "Directory", "MailStore", "OutboundQueue", "MailIntake", "Blobs", "SQLEngine", "NetTransport",
                "DNSCore",
                "DNSClient", .nioCore, .nioPosix, .nioSSL, .logging, .lifecycle, .crypto,
            ]
        ),
        room(
            "MailFetch",
            uses: [
                "IMAPCore", "SASLCore", "MailSyntax", "MailMessage", "MailMove", "Telemetry", "Directory", "MailStore",
                "MailIntake", "Blobs", "SQLEngine", "NetTransport", .nioCore, .logging, .lifecycle,
            ]
        ),

        // Front doors
        room(
            "AdminService",
            uses: [
                "MailSyntax", "MailMessage", "MailConfig", "MailTables", "MailPolicy", "MailAuth", "MailDoctor",
                "SASLCore", "Telemetry",
                "SQLEngine",
                "Blobs", "Directory", "MailStore", "MailMove", "OutboundQueue", "MailIntake", "NetTransport", "DNSCore",
                "DNSClient", "OAuthClient", "MTASTSClient", "MailReports", "Sendmail", "ReportInbox",
                "SMTPCore", "IMAPCore", "POP3Core", "SMTPServer", "IMAPServer", "POP3Server", "WebServer", "MailFetch",
                "SMTPDelivery", "CLinux",
                .nioCore, .nioPosix, .nioSSL, .logging, .lifecycle, .unixSignals, .crypto, .cryptoExtras, .x509, .asn1,
            ]
        ),
        room("Compat", uses: ["MailSyntax", "MailConfig", "MailPolicy"]),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "AdminService", "Directory", "MailConfig", "MailFetch", "MailMove", "MailSyntax", "SASLCore",
                .argumentParser,
            ],
            swiftSettings: settings
        ),

        // What scripts/bench measures without a server
        .executableTarget(
            name: "MartletBench",
            dependencies: [
                "MailSyntax", "MailMessage", "DNSCore", "DNSClient", "MailAuth", .crypto, .cryptoExtras,
            ],
            path: "Benchmarks",
            swiftSettings: settings
        ),

        // Tests
        .target(name: "CTesting", path: "Tests/CTesting"),
        .target(
            name: "MartletTesting",
            dependencies: [
                "CTesting", "MailSyntax", "DNSCore", "SQLEngine", "Blobs", "OutboundQueue", .nioCore, .nioPosix,
                .nioEmbedded,
                .nioSSL,
                .logging,
            ],
            path: "Tests/MartletTesting",
            swiftSettings: settings
        ),
        tests("MailSyntax"),
        tests("Archives"),
        tests("MailMessage"),
        tests("MailConfig"),
        tests("MailPolicy"),
        tests("MailAuth", uses: [.yams]),
        tests("MailDoctor", uses: ["DNSClient", "DNSCore", "MailSyntax"]),
        tests("DNSClient"),
        tests("SASLCore"),
        tests("MilterCore", uses: ["MailSyntax", "MailMessage", .nioCore]),
        tests("SMTPCore", uses: ["SASLCore"]),
        tests("IMAPCore"),
        tests("POP3Core", uses: ["SASLCore"]),
        tests("SQLEngine"),
        tests("MailTables", uses: ["MailConfig", "MailPolicy", "MailAuth", "MailSyntax", "SQLEngine", "CSQLite"]),
        tests("Blobs"),
        tests("Directory"),
        tests("MailStore"),
        tests("MailMove", uses: ["Archives"]),
        tests("OutboundQueue"),
        tests("MailIntake", uses: ["MailFetch", "OAuthClient", "MTASTSClient", "MailReports", "ReportInbox"]),
        tests("ReportInbox"),
        tests("OAuthClient"),
        tests("MTASTSClient"),
        tests("MailReports", uses: ["SMTPServer", "MailStore", "MailTables", "MailConfig"]),
        tests("Sendmail"),
        tests("NetTransport", uses: [.nioEmbedded]),
        tests("SMTPServer"),
        tests("IMAPServer"),
        tests("POP3Server"),
        tests("WebServer", uses: ["MailSyntax", "NetTransport", .nioCore, .nioEmbedded, .nioPosix, .logging]),
        tests("SMTPDelivery"),
        tests("MailFetch", uses: ["MailMove", "NetTransport", "SASLCore", "MailSyntax", .nioPosix]),
        tests("AdminService"),
        tests("Compat"),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["MartletTesting", "martlet"],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)

// The quick inner loop: BUILD_ONLY=SMTPCore,MailStore leaves those targets, what they use, and their tests.
if let only = Context.environment["BUILD_ONLY"] {
    var kept = Set(only.split(separator: ",").map(String.init))
    kept.formUnion(kept.map { "\($0)Tests" })
    var grew = true
    while grew {
        grew = false
        for target in package.targets where kept.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies where kept.insert(name).inserted { grew = true }
        }
    }
    package.targets.removeAll { !kept.contains($0.name) }
    package.products.removeAll { !kept.contains($0.name) }
}

// Fuzzing (docs/fuzzing.md): one executable of the parsers, framers and machines, instrumented, and nothing else.
// The variable's value is libFuzzer's archive without a main function; Swift's own calls it with the target's name.
if let fuzzer = Context.environment["MARTLET_FUZZ"] {
    let subjects: Set = [
        "CIDN2", "CCrypt", "CArgon2", "CPCRE2", "CZlib", "Archives", "MailSyntax", "MailMessage", "MailConfig",
        "MailPolicy", "MailAuth",
        "DNSCore", "SASLCore", "SMTPCore", "IMAPCore", "POP3Core", "MilterCore",
    ]
    package.targets.removeAll { !subjects.contains($0.name) }
    // Of these only the parsers, without what they would bring along.
    func slice(_ name: String, uses dependencies: [Target.Dependency], sources: [String]) -> Target {
        .target(name: name, dependencies: dependencies, sources: sources, swiftSettings: settings)
    }
    package.targets += [
        slice(
            "NetTransport", uses: ["MailSyntax", .nioCore],
            sources: ["Proxy/ProxyHeader.swift", "Bans/BanRules.swift", "Bans/BanLedger.swift"]),
        slice("WebServer", uses: [.nioCore], sources: ["HTTPHeadFramer.swift", "HTTPRequest.swift"]),
        slice("SMTPDelivery", uses: [], sources: ["Content/DotStuffer.swift", "Content/LineNormalizer.swift"]),
        slice(
            "Directory",
            uses: ["MailSyntax", "SASLCore", "CCrypt", "CArgon2", .crypto, .cryptoExtras],
            sources: [
                "StoredPassword", "SchemeLabel", "PasswordHashError", "CryptHash", "PasswordHash", "PasswordCheck",
                "HashingPool",
            ].map { "Credentials/\($0).swift" }
        ),
        .executableTarget(
            name: "MartletFuzz",
            dependencies: [
                "MailSyntax", "MailMessage", "MailConfig", "MailPolicy", "MailAuth", "DNSCore", "SASLCore", "SMTPCore",
                "SMTPDelivery", "NetTransport", "WebServer",
                "IMAPCore", "POP3Core", "MilterCore", "Directory", "Archives", .nioCore,
            ],
            path: "Fuzz/Sources",
            swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=address", "-use-ld=lld", "-lstdc++", fuzzer])]
        ),
    ]
    for target in package.targets where target.type != .system {
        target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-O", "-sanitize=fuzzer,address"])]
    }
    package.products = [.executable(name: "MartletFuzz", targets: ["MartletFuzz"])]
}
