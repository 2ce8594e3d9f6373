# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong with an enrolment in HTTP and SCEP, and what these scenarios share with failures_tls.sh.
# Sourced by record.
#
# The device is Windows, played by curl; it stops at the first thing that fails. The pauses are shorter than its own.

# arranged ENROLMENTS WHAT [LEG STEP HOW]: truth/scenario.json, in the words of who arranged it: how many enrolments were
# tried, and where and how the (first) one fails.
arranged() {
    python3 - "$truth/scenario.json" "$size_limit" "$unreadable" "$unopened" "$unlogged" "${devices[*]}" "$@" <<'END'
import json, sys
path, size_limit, unreadable, unopened, unlogged, devices, enrolments, what, *failure = sys.argv[1:]
facts = {"what": what, "fails": dict(zip(("leg", "step", "how"), failure)) or None, "enrolments": int(enrolments)}
if devices:
    facts["devices"] = [dict(zip(("address", "subject", "key"), device.split(","))) for device in devices.split()]
# What the check of a recording must not expect.
facts |= {name: int(number) for name, number in (("size_limit", size_limit), ("unlogged", unlogged)) if number}
facts |= {name: words.split() for name, words in (("unreadable", unreadable), ("unopened", unopened)) if words}
with open(path, "w") as file:
    file.write(json.dumps(facts, indent=1) + "\n")
END
}

# windows: what these scenarios have in common; to be called before begin.
windows() {
    path+=/pkiclient.exe pauses=(0.4 0.8) curl_options+=(--fail-with-body --fail-early)
}

# slim: small handshakes, and few connections inside, where there is much else to see; to be called before begin.
slim() {
    tls_ciphers=ECDHE-ECDSA-AES256-GCM-SHA384 wap_key=(ec -pkeyopt ec_paramgen_curve:prime256v1)
    wap_directives+='ssl_session_tickets off;'
    curl_options+=(--tls-max 1.2 --ciphers "$tls_ciphers")
    inner_scheme=http upstream_directives='keepalive 4; keepalive_timeout 1s;' inner_connection=''
}

# fails HOW EXIT: the device goes as far as it gets, and curl's last exit code is this.
fails() {
    windows_device "$1"
    ends_with "$2"
}

ends_with() {
    local code
    code=$(<"$truth/logs/curl-$sent.exit")
    ((code == $1)) || die "curl ended with $code, not $1: $(<"$truth/logs/curl-$sent.stderr")"
    [[ ! -e $work/client-message/key ]] || keep_device_key "$work/client-message/key"
}

# --- HTTP ---

# http_error HOST CODE STEP HOW WHAT: the device goes until it gets this status, which HOST gives.
http_error() {
    local host=$1 code=$2 step=$3 how=$4
    expect device "http.response.code == $code" 1
    expect ndes "http.response.code == $code" "$([[ $host == wap ]]; echo $?)"
    fails "$how" 22
    arranged 1 "$5" "$([[ $host == wap ]] && echo device-wap || echo wap-ndes)" "$step" "HTTP $code from ${host^^}"
}

scenario_http_403() {
    windows
    prepare=true ndes_directives='return 403;'
    begin
    http_error ndes 403 get-ca-cert ask_get 'NDES refuses every request.'
}

scenario_http_404() {
    windows
    prepare=true ndes_directives='return 404;'
    begin
    http_error ndes 404 get-ca-cert ask_get 'There is no mscep.dll at NDES.'
}

scenario_http_500() {
    windows
    prepare=true ndes_directives='return 500;'
    begin
    http_error ndes 500 get-ca-cert ask_get 'NDES fails at every request.'
}

scenario_http_413() {
    windows
    ndes_directives='client_max_body_size 2k;'
    begin
    http_error ndes 413 pki-operation ask_post 'NDES takes no body of more than 2048 octets.'
}

scenario_http_414() {
    windows
    ndes_directives='client_header_buffer_size 1k; large_client_header_buffers 4 2k;'
    begin
    http_error ndes 414 pki-operation ask_get 'NDES takes no request line of more than 2048 octets.'
}

scenario_http_502() {
    windows
    begin
    expect ndes 'tcp.flags.reset == 1 && tcp.seq == 1 && tcp.ack == 1' 1
    expect device 'http.response.code == 502' 1
    windows_discovery
    stop nginx-ndes
    sleep "${pauses[1]}"
    windows_request ask_get || ends_with 22
    arranged 1 'NDES stops after the discovery: the WAP is refused and answers 502 to the device.' \
        wap-ndes tcp-handshake 'RST from NDES after SYN'
}

scenario_http_503() {
    windows
    # shellcheck disable=SC2016 # nginx's variable
    wap_directives='if ($arg_operation = PKIOperation) { return 503; }'
    begin
    http_error wap 503 pki-operation ask_get 'The WAP answers every PKIOperation itself, with 503.'
}

# hold CONDITION: nginx's words for taking such requests and never answering; they end at a silent door on its loopback.
hold() { echo "$1 location = /hold { proxy_pass http://127.0.0.1:8090; }"; }

hold_open() {
    start "$1" hold python3 "$here/door.py" silent 127.0.0.1 8090
    until_true 'the silent door' listens "$1" 8090
}

scenario_http_504() {
    windows
    wap_directives='proxy_read_timeout 2s;'
    # shellcheck disable=SC2016 # nginx's variable
    ndes_directives=$(hold 'if ($arg_operation = PKIOperation) { rewrite ^ /hold last; }')
    begin
    hold_open ndes
    expect device 'http.response.code == 504' 1
    fails ask_get 22
    arranged 1 'NDES takes the PKIOperation and never answers; the WAP waits for 2 s and answers 504 to the device.' \
        wap-ndes pki-operation 'no answer from NDES to the request'
}

scenario_reset_request() {
    windows
    # shellcheck disable=SC2016 # nginx's variable
    wap_directives='reset_timedout_connection on; if ($arg_operation = PKIOperation) { return 444; }'
    begin
    expect device 'tcp.flags.reset == 1 && tcp.srcport == 443' 1
    expect ndes "$new_connection" 4
    fails ask_get 56
    arranged 1 'The WAP takes the PKIOperation and resets the connection.' \
        device-wap pki-operation 'RST from the WAP after the request'
}

scenario_wap_signin() {
    local target='https://sts.contoso.com/adfs/ls/?version=1.0&action=signin&realm=urn%3AAppProxy%3Acom'
    target+='&appRealm=8e5dcd1c-0e8f-4a3b-9c1e-7d8f2b6a4c11&returnUrl=https%3A%2F%2Fscep.contoso.com%2Fcertsrv%2Fmscep'
    target+='%2Fmscep.dll%2Fpkiclient.exe%3Foperation%3DGetCACert%26message%3DMDM'
    windows
    prepare=true wap_directives="return 302 '$target';"
    begin
    expect device 'http.response.code == 302' 1
    expect ndes tcp 0
    ask 'operation=GetCACert&message=MDM' -H User-Agent:
    send
    arranged 1 'The WAP preauthenticates: it sends the device to the sign-in page of AD FS.' \
        device-wap get-ca-cert 'HTTP 302 from the WAP, to https://sts.contoso.com/adfs/ls/'
}

scenario_get_hang_wap() {
    windows
    # shellcheck disable=SC2016 # nginx's variable
    wap_directives=$(hold 'if ($request_uri ~ "^.{2000,}") { rewrite ^ /hold last; }')
    curl_options+=(--max-time 4)
    begin
    hold_open wap
    expect device http.request 5
    expect ndes http.request 4
    fails ask_get 28
    arranged 1 'The WAP neither forwards nor answers a request line of more than 2000 octets.' \
        device-wap pki-operation 'no answer to the request, which is not forwarded; the device gives up after 4 s'
}

scenario_wap_no_forward() {
    windows
    prepare=true wap_directives=$(hold 'rewrite ^ /hold last;') curl_options+=(--max-time 4)
    begin
    hold_open wap
    expect device http.request 1
    expect ndes tcp 0
    fails ask_get 28
    arranged 1 'The WAP neither forwards nor answers any request.' \
        device-wap get-ca-cert 'no answer to the request, which is not forwarded; the device gives up after 4 s'
}

# --- SCEP ---

# The pings show that the captures went on.
scenario_no_pkioperation() {
    windows
    prepare=true
    begin
    windows_discovery
    sleep 8
    on device ping -q -c 1 scep.contoso.com >"$work/logs/ping.log"
    on wap ping -q -c 1 ndes.corp.contoso.com >>"$work/logs/ping.log"
    expect device "$new_connection" 2
    arranged 1 'The device does the discovery and sends no PKIOperation; 8 s later a ping on both links ends the captures.' \
        device-wap pki-operation 'no request'
}

scenario_garbage_answer() {
    windows
    relay_options=--garbage unreadable=05-response.p7m
    begin
    windows_device ask_get
    ends_with 0
    arranged 1 'NDES answers the PKIOperation with random octets as application/x-pki-message.' \
        wap-ndes pki-operation 'HTTP 200, and the body is no SCEP message'
}

# The device has encrypted to a certificate of the RA that has been replaced since.
message_for_old_certificate() {
    make_message
    cp "$work/ra.crt" "$truth/ra-old.crt"
    certificate ra /CN=NDES-MSCEP-RA keyUsage=critical,keyEncipherment extendedKeyUsage=1.3.6.1.4.1.311.20.2.1
    cp "$work/ra.crt" "$truth/"
}

scenario_undecryptable() {
    windows
    scep_server=responder server_options=(--style ndes) prepare=message_for_old_certificate unopened=05-request.p7m
    begin
    windows_device ask_get
    ends_with 0
    arranged 1 'The PKCSReq is encrypted to an earlier certificate of the RA, whose key the server no longer has.' \
        wap-ndes pki-operation 'CertRep FAILURE: the server cannot open the envelope'
}

# shellcheck disable=SC2016 # nginx's variables
scenario_retry() {
    windows
    slim
    wap_directives+='set $state $arg_operation; if (-f '$work/busy') { set $state "busy $state"; }
        if ($state = "busy PKIOperation") { return 503; }'
    touch "$work/busy"
    begin
    expect device "$new_connection" 6
    expect device 'http.response.code == 503' 1
    fails ask_post 22
    rm "$work/busy"
    sleep 6
    windows_device ask_post
    ends_with 0
    keep_issued 10
    arranged 2 'The WAP answers the PKIOperation with 503; 6 s later the device repeats the whole enrolment, with success.' \
        device-wap pki-operation 'HTTP 503 from the WAP, at the first try'
}
