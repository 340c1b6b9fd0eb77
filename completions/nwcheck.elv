
use builtin;
use str;

set edit:completion:arg-completer[nwcheck] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'nwcheck'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'nwcheck'= {
            cand -o 'Form of the result: text, json, jsonl [text]'
            cand --output 'Form of the result: text, json, jsonl [text]'
            cand --save 'Also write it to FILE: .txt, .json, .jsonl (repeatable)'
            cand --color 'auto, always, never [auto; see also NO_COLOR]'
            cand -c 'Probes to each address [10]'
            cand --count 'Probes to each address [10]'
            cand -i 'Time between two probes [20ms]'
            cand --interval 'Time between two probes [20ms]'
            cand -w 'Time for one probe [3.5s]'
            cand --timeout 'Time for one probe [3.5s]'
            cand --deadline 'Time for the whole check [30s]'
            cand --wait 'Repeat until it passes, for at most so long'
            cand --control 'Port of the target known to be open or closed, for proof'
            cand -s 'Source address'
            cand --source 'Source address'
            cand --source-port 'Source port'
            cand -I 'Interface'
            cand --interface 'Interface'
            cand --tos 'Type of service or traffic class, 0 to 255'
            cand --server 'Ask this name server (repeatable)'
            cand --resolve 'Use ADDR for HOST at PORT (repeatable)'
            cand --all-addresses 'At most so many addresses of a name [8]'
            cand --max-hops 'Longest path looked for [30]'
            cand --rate 'Path probes a second [250]'
            cand --baseline 'Earlier JSON report: knows the host''s last router'
            cand --expect 'open, closed, filtered, blocked (closed or filtered)'
            cand --max-loss 'Largest share of failed probes'
            cand --max-avg 'Largest average round trip'
            cand --max-p95 'Largest 95th percentile of the round trip'
            cand --max-connect 'Longest wall time to an open socket'
            cand --fail-on 'Fail from this severity on: error, warning [error]'
            cand -q 'One line per target, no progress'
            cand --quiet 'One line per target, no progress'
            cand -v 'All numbers: per server, per hop, per finding'
            cand --verbose 'All numbers: per server, per hop, per finding'
            cand --ascii 'Plain ASCII only'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -4 'IPv4 only'
            cand -6 'IPv6 only'
            cand --no-local 'Do not look at this machine'
            cand --no-path 'Do not trace the path'
            cand -V 'Print version'
            cand --version 'Print version'
            cand tcp 'Resolve, connect, probe, trace, diagnose: does TCP work?'
            cand schema 'Print the JSON Schema of the report'
            cand explain 'Explain a finding: meaning, proof, remedy; without ID the list'
            cand demo 'Make faults on loopback and check each: needs no network'
        }
        &'nwcheck;tcp'= {
            cand -o 'Form of the result: text, json, jsonl [text]'
            cand --output 'Form of the result: text, json, jsonl [text]'
            cand --save 'Also write it to FILE: .txt, .json, .jsonl (repeatable)'
            cand --color 'auto, always, never [auto; see also NO_COLOR]'
            cand -c 'Probes to each address [10]'
            cand --count 'Probes to each address [10]'
            cand -i 'Time between two probes [20ms]'
            cand --interval 'Time between two probes [20ms]'
            cand -w 'Time for one probe [3.5s]'
            cand --timeout 'Time for one probe [3.5s]'
            cand --deadline 'Time for the whole check [30s]'
            cand --wait 'Repeat until it passes, for at most so long'
            cand --control 'Port of the target known to be open or closed, for proof'
            cand -s 'Source address'
            cand --source 'Source address'
            cand --source-port 'Source port'
            cand -I 'Interface'
            cand --interface 'Interface'
            cand --tos 'Type of service or traffic class, 0 to 255'
            cand --server 'Ask this name server (repeatable)'
            cand --resolve 'Use ADDR for HOST at PORT (repeatable)'
            cand --all-addresses 'At most so many addresses of a name [8]'
            cand --max-hops 'Longest path looked for [30]'
            cand --rate 'Path probes a second [250]'
            cand --baseline 'Earlier JSON report: knows the host''s last router'
            cand --expect 'open, closed, filtered, blocked (closed or filtered)'
            cand --max-loss 'Largest share of failed probes'
            cand --max-avg 'Largest average round trip'
            cand --max-p95 'Largest 95th percentile of the round trip'
            cand --max-connect 'Longest wall time to an open socket'
            cand --fail-on 'Fail from this severity on: error, warning [error]'
            cand -q 'One line per target, no progress'
            cand --quiet 'One line per target, no progress'
            cand -v 'All numbers: per server, per hop, per finding'
            cand --verbose 'All numbers: per server, per hop, per finding'
            cand --ascii 'Plain ASCII only'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -4 'IPv4 only'
            cand -6 'IPv6 only'
            cand --no-local 'Do not look at this machine'
            cand --no-path 'Do not trace the path'
        }
        &'nwcheck;schema'= {
            cand --batch 'The schema of the report of several targets'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'nwcheck;explain'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'nwcheck;demo'= {
            cand -o 'Form of the result: text, json, jsonl [text]'
            cand --output 'Form of the result: text, json, jsonl [text]'
            cand --save 'Also write it to FILE: .txt, .json, .jsonl (repeatable)'
            cand --color 'auto, always, never [auto; see also NO_COLOR]'
            cand -q 'One line per target, no progress'
            cand --quiet 'One line per target, no progress'
            cand -v 'All numbers: per server, per hop, per finding'
            cand --verbose 'All numbers: per server, per hop, per finding'
            cand --ascii 'Plain ASCII only'
            cand -h 'Print help'
            cand --help 'Print help'
        }
    ]
    $completions[$command]
}
