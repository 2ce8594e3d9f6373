# SPDX-License-Identifier: GPL-2.0-or-later
# One function for each sample; what each shows is in samples/README.md. Sourced by record.

new_connection='tcp.flags.syn == 1 && tcp.flags.ack == 0'
server_hello='tls.handshake.type == 2'

# --- a Windows device, played by curl with a PKCSReq of scepclient ---

windows_enrolment() {
    expect device "$new_connection" 3
    expect device "$server_hello" 3
    windows_device "$1"
    went_well || die "the enrolment failed: $(<"$truth/logs/curl-$sent.stderr")"
    keep_device_key "$work/client-message/key"
}

# windows_device HOW: goes as far as it gets. The pauses are the device's own, part of what is recorded.
windows_device() {
    windows_discovery || return 0
    sleep "${pauses[1]}"
    windows_request "$1" || true
}

# Two conversations: the pre-flight of the MDM client, where there is one, and that of the enrolment client.
windows_discovery() {
    if [[ $preflight == yes ]]; then
        ask 'operation=GetCACert&message=MDM' -H User-Agent:
        ask 'operation=GetCACaps&message=MDM' -H User-Agent:
        send
        went_well || return
        sleep "${pauses[0]}"
    fi
    ask 'operation=GetCACaps&message=default' -A "$windows_agent" -H 'Cache-Control: no-cache'
    ask 'operation=GetCACert&message=default' -A "$windows_agent" -H 'Cache-Control: no-cache'
    send
    went_well
}

windows_request() {
    "$1" "$work/$message.p7m" -A "$windows_agent" -H 'Cache-Control: no-cache'
    send
    went_well
}

scenario_windows_get() {
    path+=/pkiclient.exe
    begin
    windows_enrolment ask_get
    keep_issued 05
}

scenario_windows_post() {
    path+=/pkiclient.exe
    begin
    windows_enrolment ask_post
    keep_issued 05
}

scenario_ndes_success() {
    path+=/pkiclient.exe scep_server=responder server_options=(--style ndes --key-transport oaep)
    begin
    windows_enrolment ask_get
    keep_issued 05
}

scenario_ndes_failure() {
    path+=/pkiclient.exe scep_server=responder server_options=(--style ndes) used_challenge=0123456789ABCDEF
    begin
    echo "$used_challenge" >"$truth/challenge"
    windows_enrolment ask_get
}

# --- real clients ---

scenario_scepclient() {
    prepare=true time_order=no
    begin
    expect device "$new_connection" 1
    scepclient_enrolment
}

scepclient_enrolment() {
    run_scepclient device -challenge "$challenge"
    keep_device_key "$work/client-device/key"
    cp "$work/client-device/certificate" "$truth/issued.crt"
}

scenario_plain_http() {
    prepare=true wap=no inner_scheme=http
    begin
    expect device http.request 3
    expect device tls 0
    scepclient_enrolment
}

scenario_wrong_challenge() {
    prepare=true
    begin
    echo 0123456789ABCDEF >"$truth/challenge"
    expected_code=1 run_scepclient device -challenge 0123456789ABCDEF
    keep_device_key "$work/client-device/key"
}

scenario_renewal() {
    prepare=true inner_scheme=http
    begin
    scepclient_enrolment
    run_scepclient device
    cp "$work/relay/06.response" "$work/renewed.p7m"
    open_certrep "$work/renewed.p7m" "$truth/device.key" "$truth/renewed.crt"
}

scenario_strongswan() {
    prepare=true scep_server=responder
    begin
    expect device "$new_connection" 3
    strongswan_discovery
    strongswan_enrolment device
    cp "$work/device.crt" "$truth/issued.crt"
}

scenario_strongswan_renewal() {
    prepare=true scep_server=responder inner_scheme=http
    begin
    strongswan_enrolment device
    cp "$work/device.crt" "$truth/issued.crt"
    strongswan_enrolment device-2 --cert "$work/device.crt" --key "$work/device.key"
    cp "$work/device-2.crt" "$truth/renewed.crt"
}

scenario_certmonger() {
    prepare=true inner_scheme=http
    begin
    expect device "$new_connection" 5
    run_certmonger
    keep_device_key "$work/certmonger/device.key"
    cp "$work/certmonger/device.crt" "$truth/issued.crt"
}

# strongSwan 5.9.8 does not know the signature algorithm of scepserver's CertRep and drops it.
scenario_strongswan_refuses() {
    prepare=true
    begin
    strongswan_discovery
    expected_code=1 strongswan_enrolment device
    open_certrep "$work/relay/03.response" "$truth/device.key" "$truth/issued.crt"
}

scenario_pending() {
    prepare=true scep_server=responder server_options=(--pending 2) wap=no
    begin
    expect device "$new_connection" 6
    strongswan_discovery
    strongswan_enrolment device --interval 1 --maxpolltime 30
    cp "$work/device.crt" "$truth/issued.crt"
}

# --- operations that no client at hand asks for: the generator writes the messages, curl sends them ---

# ask_for KIND: a message about the issued certificate, signed with it.
ask_for() {
    "$programs/bin/scep-generate" --message "$1" --recipient "$work/ra.crt" --ca "$work/ca.crt" \
        --signer "$truth/issued.crt" --signer-key "$truth/device.key" \
        --serial "$(openssl x509 -in "$truth/issued.crt" -noout -serial | cut -d= -f2)" --out "$work/$1.p7m"
    ask_post "$work/$1.p7m"
    send
}

scenario_getcert() {
    scep_server=responder
    begin
    enrolment ask_post
    ask_for GetCert
}

scenario_getcrl() {
    scep_server=responder
    begin
    enrolment ask_post
    ask_for GetCRL
}

scenario_nextca() {
    scep_server=responder prepare=true
    server_options=(--next-ca-cert "$work/next-ca.crt")
    openssl_request -newkey rsa:2048 -days 7300 -subj '/DC=com/DC=contoso/CN=Contoso Issuing CA 2' \
        -addext basicConstraints=critical,CA:true -keyout "$work/next-ca.key" -out "$truth/next-ca.crt"
    cp "$truth/next-ca.crt" "$work/"
    begin
    ask operation=GetCACaps
    send
    ask operation=GetCACert
    send
    ask operation=GetNextCACert
    send
}

# --- TLS, IP and HTTP ---

# enrolment HOW: three conversations without pauses.
enrolment() {
    ask 'operation=GetCACaps&message=default'
    send
    ask 'operation=GetCACert&message=default'
    send
    "$1" "$work/message.p7m"
    send
    keep_device_key "$work/client-message/key"
    keep_issued 03
}

scenario_tls12_rsa() {
    tls_ciphers=AES256-GCM-SHA384
    begin
    expect wap "$server_hello && tls.handshake.ciphersuite == 0x009d" 6
    enrolment ask_post
    cp "$work/wap.key" "$truth/wap-tls.key"
    cp "$work/ndes.key" "$truth/ndes-tls.key"
}

scenario_tls12_ecdhe() {
    tls_ciphers=ECDHE-RSA-AES256-SHA384
    begin
    expect wap "$server_hello && tls.handshake.ciphersuite == 0xc028" 6
    enrolment ask_post
}

scenario_tls13() {
    tls_protocols=TLSv1.3
    begin
    expect wap "$server_hello && tls.handshake.extensions.supported_version == 0x0304" 6
    enrolment ask_post
}

scenario_ipv6() {
    ip_version=6
    begin
    expect wap 'ipv6 && http.request' 6
    expect wap 'ip || arp' 0
    enrolment ask_get
}

two_messages() {
    make_message
    make_message second
}

scenario_http2() {
    http2=' http2' curl_options=(--http2) prepare=two_messages
    begin
    expect device http2.headers.method 4
    expect ndes http.request 4
    ask 'operation=GetCACaps&message=default'
    ask 'operation=GetCACert&message=default'
    ask_get "$work/message.p7m"
    ask_post "$work/second.p7m"
    send
    keep_device_key "$work/client-message/key"
    keep_device_key "$work/client-second/key" device-2
    keep_issued 03
}

scenario_keepalive() {
    upstream_directives='keepalive 4; keepalive_timeout 1s;' inner_connection=
    begin
    expect device "$new_connection" 1
    expect ndes "$new_connection" 1
    ask 'operation=GetCACaps&message=default'
    ask 'operation=GetCACert&message=default'
    ask_post "$work/message.p7m"
    send
    keep_device_key "$work/client-message/key"
    keep_issued 03
}

# Two devices take turns; the WAP carries both over one connection to NDES.
scenario_shared_connection() {
    upstream_directives='keepalive 1; keepalive_timeout 1s;' inner_connection='' prepare=two_messages
    begin
    expect device "$new_connection" 4
    expect ndes "$new_connection" 1
    ip -n "$(namespace device)" addr add "${device_address%10}11/24" dev device
    local address
    for address in "${device_address}" "${device_address%10}11"; do
        ask 'operation=GetCACaps&message=default' --interface "$address"
        ask 'operation=GetCACert&message=default' --interface "$address"
        send
    done
    ask_post "$work/message.p7m" --interface "$device_address"
    send
    ask_post "$work/second.p7m" --interface "${device_address%10}11"
    send
    keep_device_key "$work/client-message/key"
    keep_device_key "$work/client-second/key" device-2
    keep_issued 05
}

scenario_gzip() {
    ndes_directives='gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;' curl_options=(--compressed)
    begin
    expect wap 'http.content_encoding == "gzip"' 6
    enrolment ask_post
}

scenario_chunked() {
    relay_options=--no-length wap_directives='proxy_request_buffering off;'
    begin
    expect wap 'http.request && http.transfer_encoding == "chunked"' 2
    expect wap 'http.response && http.transfer_encoding == "chunked"' 6
    expect device 'http.response.code == 100' 1
    enrolment ask_chunked
}

# In two pieces with a pause between them, which keeps the WAP from sending it on as one.
ask_chunked() {
    mkfifo "$work/pieces"
    { head -c 1000 "$1"; sleep 0.5; tail -c +1001 "$1"; } >"$work/pieces" &
    ask operation=PKIOperation -X POST -H 'Content-Type: application/x-pki-message' --upload-file "$work/pieces"
    cp "$1" "${records[-1]}.request"
}

scenario_close_delimited() {
    relay_options=--no-length inner_http=1.0
    begin
    expect ndes 'http.request.version == "HTTP/1.0"' 3
    enrolment ask_post
}

scenario_close_delimited_http() {
    relay_options=--no-length inner_http=1.0 inner_scheme=http
    begin
    expect ndes 'http.response && !http.content_length_header && !http.transfer_encoding' 3
    enrolment ask_post
}

# Every error on a connection of its own; the last finds NDES stopped.
scenario_errors() {
    local url
    inner_scheme=http
    wap_directives='if ($arg_message = silent) { return 444; }'
    ndes_directives='client_max_body_size 2k; client_header_buffer_size 1k; large_client_header_buffers 4 2k;
        if ($arg_message = forbidden) { return 403; } if ($arg_message = broken) { return 500; }'
    begin
    local code
    for code in 404 403 500 414 413 502; do
        expect device "http.response.code == $code" 1
    done
    url=${device_url%mscep.dll}wrong.dll ask 'operation=GetCACaps&message=default'
    send
    ask 'operation=GetCACert&message=forbidden'
    send
    ask 'operation=GetCACert&message=broken'
    send
    ask_get "$work/message.p7m"
    send
    ask_post "$work/message.p7m"
    send
    ask 'operation=GetCACaps&message=silent'
    send
    stop nginx-ndes
    ask_post "$work/message.p7m"
    send
    keep_device_key "$work/client-message/key"
}
