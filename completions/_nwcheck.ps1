
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'nwcheck' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'nwcheck'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'nwcheck' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Form of the result: text, json, jsonl [text]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Form of the result: text, json, jsonl [text]')
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Also write it to FILE: .txt, .json, .jsonl (repeatable)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'auto, always, never [auto; see also NO_COLOR]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Probes to each address [10]')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Probes to each address [10]')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Time between two probes [20ms]')
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'Time between two probes [20ms]')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Time for one probe [3.5s]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time for one probe [3.5s]')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Time for the whole check [30s]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Repeat until it passes, for at most so long')
            [CompletionResult]::new('--control', '--control', [CompletionResultType]::ParameterName, 'Port of the target known to be open or closed, for proof')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Source address')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source address')
            [CompletionResult]::new('--source-port', '--source-port', [CompletionResultType]::ParameterName, 'Source port')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Interface')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Interface')
            [CompletionResult]::new('--tos', '--tos', [CompletionResultType]::ParameterName, 'Type of service or traffic class, 0 to 255')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Ask this name server (repeatable)')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Use ADDR for HOST at PORT (repeatable)')
            [CompletionResult]::new('--all-addresses', '--all-addresses', [CompletionResultType]::ParameterName, 'At most so many addresses of a name [8]')
            [CompletionResult]::new('--max-hops', '--max-hops', [CompletionResultType]::ParameterName, 'Longest path looked for [30]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Path probes a second [250]')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'Earlier JSON report: knows the host''s last router')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'open, closed, filtered, blocked (closed or filtered)')
            [CompletionResult]::new('--max-loss', '--max-loss', [CompletionResultType]::ParameterName, 'Largest share of failed probes')
            [CompletionResult]::new('--max-avg', '--max-avg', [CompletionResultType]::ParameterName, 'Largest average round trip')
            [CompletionResult]::new('--max-p95', '--max-p95', [CompletionResultType]::ParameterName, 'Largest 95th percentile of the round trip')
            [CompletionResult]::new('--max-connect', '--max-connect', [CompletionResultType]::ParameterName, 'Longest wall time to an open socket')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail from this severity on: error, warning [error]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'One line per target, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'One line per target, no progress')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'All numbers: per server, per hop, per finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'All numbers: per server, per hop, per finding')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Plain ASCII only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('--no-local', '--no-local', [CompletionResultType]::ParameterName, 'Do not look at this machine')
            [CompletionResult]::new('--no-path', '--no-path', [CompletionResultType]::ParameterName, 'Do not trace the path')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('tcp', 'tcp', [CompletionResultType]::ParameterValue, 'Resolve, connect, probe, trace, diagnose: does TCP work?')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of the report')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a finding: meaning, proof, remedy; without ID the list')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Make faults on loopback and check each: needs no network')
            break
        }
        'nwcheck;tcp' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Form of the result: text, json, jsonl [text]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Form of the result: text, json, jsonl [text]')
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Also write it to FILE: .txt, .json, .jsonl (repeatable)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'auto, always, never [auto; see also NO_COLOR]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Probes to each address [10]')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Probes to each address [10]')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Time between two probes [20ms]')
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'Time between two probes [20ms]')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Time for one probe [3.5s]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time for one probe [3.5s]')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Time for the whole check [30s]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Repeat until it passes, for at most so long')
            [CompletionResult]::new('--control', '--control', [CompletionResultType]::ParameterName, 'Port of the target known to be open or closed, for proof')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Source address')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source address')
            [CompletionResult]::new('--source-port', '--source-port', [CompletionResultType]::ParameterName, 'Source port')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Interface')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Interface')
            [CompletionResult]::new('--tos', '--tos', [CompletionResultType]::ParameterName, 'Type of service or traffic class, 0 to 255')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Ask this name server (repeatable)')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Use ADDR for HOST at PORT (repeatable)')
            [CompletionResult]::new('--all-addresses', '--all-addresses', [CompletionResultType]::ParameterName, 'At most so many addresses of a name [8]')
            [CompletionResult]::new('--max-hops', '--max-hops', [CompletionResultType]::ParameterName, 'Longest path looked for [30]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Path probes a second [250]')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'Earlier JSON report: knows the host''s last router')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'open, closed, filtered, blocked (closed or filtered)')
            [CompletionResult]::new('--max-loss', '--max-loss', [CompletionResultType]::ParameterName, 'Largest share of failed probes')
            [CompletionResult]::new('--max-avg', '--max-avg', [CompletionResultType]::ParameterName, 'Largest average round trip')
            [CompletionResult]::new('--max-p95', '--max-p95', [CompletionResultType]::ParameterName, 'Largest 95th percentile of the round trip')
            [CompletionResult]::new('--max-connect', '--max-connect', [CompletionResultType]::ParameterName, 'Longest wall time to an open socket')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail from this severity on: error, warning [error]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'One line per target, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'One line per target, no progress')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'All numbers: per server, per hop, per finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'All numbers: per server, per hop, per finding')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Plain ASCII only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'IPv4 only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'IPv6 only')
            [CompletionResult]::new('--no-local', '--no-local', [CompletionResultType]::ParameterName, 'Do not look at this machine')
            [CompletionResult]::new('--no-path', '--no-path', [CompletionResultType]::ParameterName, 'Do not trace the path')
            break
        }
        'nwcheck;schema' {
            [CompletionResult]::new('--batch', '--batch', [CompletionResultType]::ParameterName, 'The schema of the report of several targets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'nwcheck;explain' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'nwcheck;demo' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Form of the result: text, json, jsonl [text]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Form of the result: text, json, jsonl [text]')
            [CompletionResult]::new('--save', '--save', [CompletionResultType]::ParameterName, 'Also write it to FILE: .txt, .json, .jsonl (repeatable)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'auto, always, never [auto; see also NO_COLOR]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'One line per target, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'One line per target, no progress')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'All numbers: per server, per hop, per finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'All numbers: per server, per hop, per finding')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Plain ASCII only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
