#!/usr/bin/perl
# Whether Mail::DKIM believes the chain of seals of a message, asking the name server on a port of this host.
use strict;
use warnings;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::DNS;
use Net::DNS::Resolver;

my ($file, $port) = @ARGV;
Mail::DKIM::DNS::resolver(
    Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $port, recurse => 1, udp_timeout => 5));
my $verifier = Mail::DKIM::ARC::Verifier->new();
open(my $message, '<:raw', $file) or die "$file: $!";
while (<$message>) {
    s/\r?\n$//;
    $verifier->PRINT("$_\015\012");
}
$verifier->CLOSE;
print $verifier->result_detail, "\n";
exit($verifier->result eq 'pass' ? 0 : 1);
