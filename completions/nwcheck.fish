# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_nwcheck_global_optspecs
    string join \n o/output= save= q/quiet v/verbose redact color= ascii h/help c/count= i/interval= w/timeout= deadline= wait= control= 4 6 s/source= source-port= I/interface= tos= no-local server= inventory= resolve= all-addresses= max-hops= flows= all-paths confidence= confidence-scope= as-database= rate= no-path baseline= expect= max-loss= max-avg= max-p95= max-connect= fail-on= V/version
end

function __fish_nwcheck_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_nwcheck_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_nwcheck_using_subcommand
    set -l cmd (__fish_nwcheck_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c nwcheck -n "__fish_nwcheck_needs_command" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s c -l count -d 'Probes to each address [10]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s i -l interval -d 'Time between two probes [20ms]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s w -l timeout -d 'Time for one probe [3.5s]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l deadline -d 'Time for the whole check [30s]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l wait -d 'Repeat until it passes, for at most so long' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l control -d 'Port of the target known to be open or closed, for proof' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s s -l source -d 'Source address' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l source-port -d 'Source port' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s I -l interface -d 'Interface' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l tos -d 'Type of service or traffic class, 0 to 255' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l server -d 'Ask this name server (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l inventory -d 'Hosts by name for vm:NAME: an Ansible inventory, or ssh (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l resolve -d 'Use ADDR for HOST at PORT (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l all-addresses -d 'At most so many addresses of a name [8]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l max-hops -d 'Longest path looked for [30]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l flows -d 'Follow at most N flows; 1 is one path [64]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l confidence -d 'How sure that no branch is missed: 95, 99 [95]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l confidence-scope -d 'For each branching node, or the whole path: node, path [node]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l as-database -d 'Name the AS of each hop by this file (IP ranges to AS, TSV)' -r -F
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l rate -d 'Path probes a second [250]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l baseline -d 'Earlier JSON report: knows the host\'s last router' -r -F
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l expect -d 'open, closed, filtered, blocked (closed or filtered)' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l max-loss -d 'Largest share of failed probes' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l max-avg -d 'Largest average round trip' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l max-p95 -d 'Largest 95th percentile of the round trip' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l max-connect -d 'Longest wall time to an open socket' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l fail-on -d 'Fail from this severity on: error, warning [error]' -r
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s 4 -d 'IPv4 only'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s 6 -d 'IPv6 only'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l no-local -d 'Do not look at this machine'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l all-paths -d 'Follow every flow to its end, as many as tell a dead path'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -l no-path -d 'Do not trace the path'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -s V -l version -d 'Print version'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "tcp" -d 'Resolve, connect, probe, trace, diagnose: does TCP work?'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "icmp" -d 'Does the host answer echo requests?'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "udp" -d 'Does the port answer datagrams?'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "trace" -d 'Show the paths alone, all of them'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "dns" -d 'Show how a name resolves: every server asked and compared'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "show" -d 'Show saved reports again, in any output form'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "diff" -d 'Compare two saved reports: what changed, and where they part'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "schema" -d 'Print the JSON Schema of the report'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "explain" -d 'Explain a finding: meaning, proof, remedy; without ID the list'
complete -c nwcheck -n "__fish_nwcheck_needs_command" -a "demo" -d 'Make faults on loopback and check each: needs no network'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s c -l count -d 'Probes to each address [10]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s i -l interval -d 'Time between two probes [20ms]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s w -l timeout -d 'Time for one probe [3.5s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l deadline -d 'Time for the whole check [30s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l wait -d 'Repeat until it passes, for at most so long' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l control -d 'Port of the target known to be open or closed, for proof' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s s -l source -d 'Source address' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l source-port -d 'Source port' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s I -l interface -d 'Interface' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l tos -d 'Type of service or traffic class, 0 to 255' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l server -d 'Ask this name server (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l inventory -d 'Hosts by name for vm:NAME: an Ansible inventory, or ssh (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l resolve -d 'Use ADDR for HOST at PORT (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l all-addresses -d 'At most so many addresses of a name [8]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l max-hops -d 'Longest path looked for [30]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l flows -d 'Follow at most N flows; 1 is one path [64]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l confidence -d 'How sure that no branch is missed: 95, 99 [95]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l confidence-scope -d 'For each branching node, or the whole path: node, path [node]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l as-database -d 'Name the AS of each hop by this file (IP ranges to AS, TSV)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l rate -d 'Path probes a second [250]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l baseline -d 'Earlier JSON report: knows the host\'s last router' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l expect -d 'open, closed, filtered, blocked (closed or filtered)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l max-loss -d 'Largest share of failed probes' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l max-avg -d 'Largest average round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l max-p95 -d 'Largest 95th percentile of the round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l max-connect -d 'Longest wall time to an open socket' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l fail-on -d 'Fail from this severity on: error, warning [error]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s 4 -d 'IPv4 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -s 6 -d 'IPv6 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l no-local -d 'Do not look at this machine'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l all-paths -d 'Follow every flow to its end, as many as tell a dead path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand tcp" -l no-path -d 'Do not trace the path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s c -l count -d 'Probes to each address [10]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s i -l interval -d 'Time between two probes [20ms]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s w -l timeout -d 'Time for one probe [3.5s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l deadline -d 'Time for the whole check [30s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l wait -d 'Repeat until it passes, for at most so long' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l control -d 'Port of the target known to be open or closed, for proof' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s s -l source -d 'Source address' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l source-port -d 'Source port' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s I -l interface -d 'Interface' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l tos -d 'Type of service or traffic class, 0 to 255' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l server -d 'Ask this name server (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l inventory -d 'Hosts by name for vm:NAME: an Ansible inventory, or ssh (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l resolve -d 'Use ADDR for HOST at PORT (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l all-addresses -d 'At most so many addresses of a name [8]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l max-hops -d 'Longest path looked for [30]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l flows -d 'Follow at most N flows; 1 is one path [64]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l confidence -d 'How sure that no branch is missed: 95, 99 [95]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l confidence-scope -d 'For each branching node, or the whole path: node, path [node]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l as-database -d 'Name the AS of each hop by this file (IP ranges to AS, TSV)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l rate -d 'Path probes a second [250]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l baseline -d 'Earlier JSON report: knows the host\'s last router' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l expect -d 'open, closed, filtered, blocked (closed or filtered)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l max-loss -d 'Largest share of failed probes' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l max-avg -d 'Largest average round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l max-p95 -d 'Largest 95th percentile of the round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l max-connect -d 'Longest wall time to an open socket' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l fail-on -d 'Fail from this severity on: error, warning [error]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s 4 -d 'IPv4 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -s 6 -d 'IPv6 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l no-local -d 'Do not look at this machine'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l all-paths -d 'Follow every flow to its end, as many as tell a dead path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand icmp" -l no-path -d 'Do not trace the path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l payload -d 'Send this: text, hex:00ff, or @FILE [what the port\'s protocol answers]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s c -l count -d 'Probes to each address [10]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s i -l interval -d 'Time between two probes [20ms]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s w -l timeout -d 'Time for one probe [3.5s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l deadline -d 'Time for the whole check [30s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l wait -d 'Repeat until it passes, for at most so long' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l control -d 'Port of the target known to be open or closed, for proof' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s s -l source -d 'Source address' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l source-port -d 'Source port' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s I -l interface -d 'Interface' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l tos -d 'Type of service or traffic class, 0 to 255' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l server -d 'Ask this name server (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l inventory -d 'Hosts by name for vm:NAME: an Ansible inventory, or ssh (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l resolve -d 'Use ADDR for HOST at PORT (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l all-addresses -d 'At most so many addresses of a name [8]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l max-hops -d 'Longest path looked for [30]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l flows -d 'Follow at most N flows; 1 is one path [64]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l confidence -d 'How sure that no branch is missed: 95, 99 [95]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l confidence-scope -d 'For each branching node, or the whole path: node, path [node]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l as-database -d 'Name the AS of each hop by this file (IP ranges to AS, TSV)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l rate -d 'Path probes a second [250]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l baseline -d 'Earlier JSON report: knows the host\'s last router' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l expect -d 'open, closed, filtered, blocked (closed or filtered)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l max-loss -d 'Largest share of failed probes' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l max-avg -d 'Largest average round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l max-p95 -d 'Largest 95th percentile of the round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l max-connect -d 'Longest wall time to an open socket' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l fail-on -d 'Fail from this severity on: error, warning [error]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s 4 -d 'IPv4 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -s 6 -d 'IPv6 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l no-local -d 'Do not look at this machine'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l all-paths -d 'Follow every flow to its end, as many as tell a dead path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand udp" -l no-path -d 'Do not trace the path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l protocol -d 'tcp, udp, icmp [with a port tcp, else udp]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s c -l count -d 'Probes to each address [10]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s i -l interval -d 'Time between two probes [20ms]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s w -l timeout -d 'Time for one probe [3.5s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l deadline -d 'Time for the whole check [30s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l wait -d 'Repeat until it passes, for at most so long' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l control -d 'Port of the target known to be open or closed, for proof' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s s -l source -d 'Source address' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l source-port -d 'Source port' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s I -l interface -d 'Interface' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l tos -d 'Type of service or traffic class, 0 to 255' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l server -d 'Ask this name server (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l inventory -d 'Hosts by name for vm:NAME: an Ansible inventory, or ssh (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l resolve -d 'Use ADDR for HOST at PORT (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l all-addresses -d 'At most so many addresses of a name [8]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l max-hops -d 'Longest path looked for [30]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l flows -d 'Follow at most N flows; 1 is one path [64]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l confidence -d 'How sure that no branch is missed: 95, 99 [95]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l confidence-scope -d 'For each branching node, or the whole path: node, path [node]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l as-database -d 'Name the AS of each hop by this file (IP ranges to AS, TSV)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l rate -d 'Path probes a second [250]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l baseline -d 'Earlier JSON report: knows the host\'s last router' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l expect -d 'open, closed, filtered, blocked (closed or filtered)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l max-loss -d 'Largest share of failed probes' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l max-avg -d 'Largest average round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l max-p95 -d 'Largest 95th percentile of the round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l max-connect -d 'Longest wall time to an open socket' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l fail-on -d 'Fail from this severity on: error, warning [error]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s 4 -d 'IPv4 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -s 6 -d 'IPv6 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l no-local -d 'Do not look at this machine'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l all-paths -d 'Follow every flow to its end, as many as tell a dead path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand trace" -l no-path -d 'Do not trace the path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l type -d 'Ask for this record type, too, such as MX (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s c -l count -d 'Probes to each address [10]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s i -l interval -d 'Time between two probes [20ms]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s w -l timeout -d 'Time for one probe [3.5s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l deadline -d 'Time for the whole check [30s]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l wait -d 'Repeat until it passes, for at most so long' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l control -d 'Port of the target known to be open or closed, for proof' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s s -l source -d 'Source address' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l source-port -d 'Source port' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s I -l interface -d 'Interface' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l tos -d 'Type of service or traffic class, 0 to 255' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l server -d 'Ask this name server (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l inventory -d 'Hosts by name for vm:NAME: an Ansible inventory, or ssh (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l resolve -d 'Use ADDR for HOST at PORT (repeatable)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l all-addresses -d 'At most so many addresses of a name [8]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l max-hops -d 'Longest path looked for [30]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l flows -d 'Follow at most N flows; 1 is one path [64]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l confidence -d 'How sure that no branch is missed: 95, 99 [95]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l confidence-scope -d 'For each branching node, or the whole path: node, path [node]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l as-database -d 'Name the AS of each hop by this file (IP ranges to AS, TSV)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l rate -d 'Path probes a second [250]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l baseline -d 'Earlier JSON report: knows the host\'s last router' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l expect -d 'open, closed, filtered, blocked (closed or filtered)' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l max-loss -d 'Largest share of failed probes' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l max-avg -d 'Largest average round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l max-p95 -d 'Largest 95th percentile of the round trip' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l max-connect -d 'Longest wall time to an open socket' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l fail-on -d 'Fail from this severity on: error, warning [error]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s 4 -d 'IPv4 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -s 6 -d 'IPv6 only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l no-local -d 'Do not look at this machine'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l all-paths -d 'Follow every flow to its end, as many as tell a dead path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand dns" -l no-path -d 'Do not trace the path'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -l rejudge -d 'Judge what was measured by the rules of this version'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand show" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand diff" -s o -l output -d 'Form of the result: text, markdown, json [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand diff" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand diff" -s q -l quiet -d 'One line per target'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand diff" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand diff" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand schema" -l batch -d 'The schema of the report of several targets'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand schema" -l diff -d 'The schema of what nwcheck diff -o json writes'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand schema" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand explain" -s o -l output -d 'Form of the result: text, markdown, json [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand explain" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand explain" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand explain" -s h -l help -d 'Print help'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -s o -l output -d 'Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -l save -d 'Also write to FILE, form by extension (repeatable)' -r -F
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -l color -d 'auto, always, never [auto; see also NO_COLOR]' -r
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -s q -l quiet -d 'One line per target, no progress'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -s v -l verbose -d 'All numbers and proofs; -vv: each probe on stderr'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -l redact -d 'Replace names and addresses in the result'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -l ascii -d 'Plain ASCII only'
complete -c nwcheck -n "__fish_nwcheck_using_subcommand demo" -s h -l help -d 'Print help'
