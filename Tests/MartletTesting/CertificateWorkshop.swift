package import NIOSSL

/// An authority of a test's own, made with the openssl program.
package struct CertificateWorkshop: Sendable {
    package let folder: TemporaryFolder
    package var caFile: String { folder.file("ca.crt") }

    package static func make() async throws -> CertificateWorkshop {
        let workshop = CertificateWorkshop(folder: try TemporaryFolder())
        try await workshop.run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/O=Test/CN=Test Authority", "-keyout", workshop.folder.file("ca.key"), "-out", workshop.caFile)
        return workshop
    }

    private func run(_ arguments: String...) async throws {
        let result = try await ProcessRunner.run([try Peer.require("openssl")] + arguments)
        guard result.succeeded else { throw ProcessFailure("openssl: \(result)") }
    }

    /// A certificate of the authority; `NAME.crt` and `NAME.key`.
    ///
    /// - Parameter names: such as `DNS:mx.one.example, IP:127.0.0.1`.
    package func issue(_ name: String, names: String, days: Int = 10) async throws {
        try await run(
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-keyout",
            folder.file("\(name).key"),
            "-out", folder.file("\(name).csr"))
        let extensions = try folder.write("subjectAltName=\(names)\n", to: "\(name).ext")
        try await run(
            "x509", "-req", "-in", folder.file("\(name).csr"), "-CA", caFile, "-CAkey", folder.file("ca.key"), "-days",
            "\(days)", "-extfile", extensions, "-out", folder.file("\(name).crt"), "-CAcreateserial")
    }

    /// - Parameter more: PEM files of certificates that are shown after the server's own.
    package func context(
        _ name: String, followedBy more: [String] = [], asksForCertificate: Bool = false
    ) throws -> NIOSSLContext {
        let chain = try ([folder.file("\(name).crt")] + more).flatMap { try NIOSSLCertificate.fromPEMFile($0) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: folder.file("\(name).key"), format: .pem)))
        if asksForCertificate {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(caFile)
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
