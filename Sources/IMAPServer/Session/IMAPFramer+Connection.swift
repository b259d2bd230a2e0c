package import IMAPCore
import NetTransport

extension IMAPFramer: ConnectionFramer {}
