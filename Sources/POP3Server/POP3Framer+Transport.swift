import NetTransport
package import POP3Core

extension POP3Framer: ConnectionFramer {}
