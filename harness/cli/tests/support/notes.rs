//! A small service for containers, a script laid into the base image: it keeps notes in files, hands out the file it was
//! given, and looks names up, each when it is asked. What it can't do it answers with 503.

use super::Suite;
use super::containers::BASE;

/// Answers one request a connection.
const SCRIPT: &str = r#"use IO::Socket::INET; use IO::Handle; use Socket;
my $tcp = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 99, ReuseAddr => 1) or die "no port: $!";
STDOUT->autoflush(1); print "serving\n"; $SIG{TERM} = sub { exit 0 };
my $turn = time . "-$$";
sub note {
  my $file = "/data/" . $turn . "-" . $made++;
  open(my $out, ">", $file) or return (503, "$!");
  print $out "x" x 8000 or return (503, "$!");
  close $out or return (503, "$!");
  return (200, $file);
}
while (my $c = $tcp->accept) {
  my ($line, $path) = (scalar <$c>); ($path) = $line =~ m{^\w+ (\S+)};
  while (defined(my $rest = <$c>)) { last if $rest =~ /^\r?\n$/ }
  my ($status, $text) = (404, "nothing");
  if ($path eq "/live") { ($status, $text) = (200, "live") }
  elsif ($path eq "/given") { open(my $in, "<", "/etc/notes/given"); ($status, $text) = (200, "$ENV{GREETING} " . (<$in> // "nothing")); chomp $text }
  elsif ($path eq "/note") { ($status, $text) = note() }
  elsif ($path eq "/count") { my @all = glob "/data/*"; ($status, $text) = (200, scalar @all) }
  elsif ($path =~ m{^/name/(\S+)}) { ($status, $text) = gethostbyname($1) ? (200, "known") : (503, "unknown") }
  print "$path $status $text\n" if $status == 503;
  my $json = $text =~ /^\d+$/ ? "{\"is\":$text}" : "{\"is\":\"$text\"}";
  print $c "HTTP/1.1 $status " . ($status == 200 ? "OK" : "No") . "\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: " . length($json) . "\r\n\r\n$json";
  close $c;
}
"#;

const TOML: &str = r#"
[project]
name = "notes"
[target]
mode = "container"
[target.service.notes]
container = { image = "BASE", command = ["perl", "/srv/notes.pl", "${port}"], port = 8080, files = { "/srv/notes.pl" = "notes.pl", "/etc/notes/given" = "given" }, volumes = { "/data" = { size = "16MB" } } }
env = { GREETING = "well" }
ready = { get = "/live", within = "60s" }
stop_within = "5s"
[target.service.other]
container = { image = "BASE", command = ["sleep", "600"] }
stop_within = "1s"
[target.link.edge]
to = "notes"
[http]
timeout = "2s"
[query.notes]
service = "notes"
get = "/count"
"#;

/// Keeps one note.
pub(crate) const NOTE: &str = r#"
title = "A note is kept"
[[step]]
name = "it is"
get = "/note"
expect = ["status == 200"]
capture = { file = "$.is" }
"#;

impl Suite {
    /// The service in a container, with a volume, and another that does nothing but have a name.
    pub(crate) fn notes(files: &[(&str, &str)]) -> Self {
        let suite = Self::new(files);
        suite.write("notes.pl", SCRIPT);
        suite.write("given", "laid down\n");
        suite.write("harness.toml", TOML.replace("BASE", BASE));
        suite.write("scenarios/journeys/note.toml", NOTE);
        suite
    }
}
