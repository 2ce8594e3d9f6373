# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong with an enrolment before HTTP: TLS and TCP. Sourced by record.

# door MANNER: instead of the WAP, see door.py.
door() {
    start wap door python3 "$here/door.py" "$1" 0.0.0.0 443
    until_true 'the door' listens wap 443
}

door_silent() { door silent; }
door_reset() { door reset; }
door_garbage() { door garbage; }

# alert NUMBER: one on the device's leg, seen at both ends of it.
expect_alert() {
    expect device "tls.alert_message.desc == $1" 1
    expect wap "tls.alert_message.desc == $1" 1
    expect ndes tcp 0
}

# --- TLS ---

scenario_tls_untrusted() {
    windows
    prepare=true device_trusts=other
    begin
    expect_alert 48
    fails ask_get 60
    arranged 1 'The device does not trust the issuer of the WAP certificate.' \
        device-wap tls-handshake 'alert 48 (unknown CA) from the device'
}

scenario_tls_untrusted_13() {
    windows
    prepare=true device_trusts=other tls_protocols=TLSv1.3
    begin
    expect_alert 48
    fails ask_get 60
    arranged 1 'The device does not trust the issuer of the WAP certificate; TLS 1.3.' \
        device-wap tls-handshake 'alert 48 (unknown CA) from the device'
}

scenario_tls_untrusted_inner() {
    windows
    prepare=true wap_trusts=other
    begin
    expect device 'http.response.code == 502' 1
    expect ndes http 0
    fails ask_get 22
    arranged 1 'The WAP does not trust the issuer of the NDES certificate.' \
        wap-ndes tls-handshake 'the WAP closes when the handshake is complete, and answers 502 to the device'
}

# haproxy in the place of nginx: it says what it thinks of a certificate by an alert, and answers 503.
haproxy_start() {
    cat "$work/wap.crt" "$work/wap.key" >"$work/wap.pem"
    cat >"$work/haproxy.cfg" <<END
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    retries 0
    log stdout format raw local0
    log-format '{"client":"%ci","client_port":"%cp","method":"%HM","uri":"%HU","status":"%ST","tls":"%sslv","upstream":"%si:%sp","termination":"%ts"}'
frontend wap
    bind :443 ssl crt $work/wap.pem ssl-max-ver TLSv1.2 ciphers $tls_ciphers
    default_backend ndes
backend ndes
    server ndes $ndes_address:443 ssl verify required ca-file $work/$wap_trusts.crt verifyhost ndes.corp.contoso.com \
        sni str(ndes.corp.contoso.com) ssl-max-ver TLSv1.2
END
    # Its log goes to wap-access.log.
    SSLKEYLOGFILE=$work/wap.keylog LD_PRELOAD=$programs/bin/libscepkeylog.so start wap wap-access \
        bash -c "exec haproxy -db -f '$work/haproxy.cfg' 2>'$work/logs/haproxy.log'"
    until_true 'haproxy' listens wap 443
}

scenario_tls_untrusted_inner_alert() {
    windows
    prepare=true wap_trusts=other wap_server=haproxy_start
    begin
    expect device 'http.response.code == 503' 1
    expect ndes 'tls.alert_message.desc == 48' 1
    fails ask_get 22
    arranged 1 'The WAP, a haproxy, does not trust the issuer of the NDES certificate.' \
        wap-ndes tls-handshake 'alert 48 (unknown CA) from the WAP, which answers 503 to the device'
}

scenario_tls_version() {
    windows
    prepare=true tls_protocols=TLSv1.3 curl_options+=(--tls-max 1.2)
    begin
    expect_alert 70
    fails ask_get 35
    arranged 1 'The WAP speaks TLS 1.3 only, the device TLS 1.2 at most.' \
        device-wap tls-handshake 'alert 70 (protocol version) from the WAP'
}

scenario_tls_cipher() {
    windows
    prepare=true curl_options+=(--tls-max 1.2 --ciphers 'ECDHE-RSA-AES128-SHA256:AES128-SHA256:AES128-SHA')
    begin
    expect_alert 40
    fails ask_get 35
    arranged 1 'Device and WAP have no cipher suite in common.' \
        device-wap tls-handshake 'alert 40 (handshake failure) from the WAP'
}

# expire NAME HOST USAGE: the certificate again, with the same key, for a year that is over.
expire() {
    mkdir -p "$work/temp-ca"
    openssl req -new -key "$work/$1.key" -subj "/CN=$2" -out "$work/$1.csr" \
        -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n')
    : >"$work/issued.index"
    cat >"$work/expired.cnf" <<END
[ca]
default_ca = one
[one]
database = $work/issued.index
rand_serial = yes
policy = any
x509_extensions = more
[any]
commonName = supplied
[more]
subjectAltName = DNS:$2
extendedKeyUsage = $3
END
    openssl ca -batch -notext -md sha256 -startdate 20240101000000Z -enddate 20250101000000Z -config "$work/expired.cnf" \
        -cert "$work/ca.crt" -keyfile "$work/ca.key" -in "$work/$1.csr" -out "$work/$1.crt" -outdir "$work/temp-ca"
} 2>>"$work/logs/openssl.log"

expired_certificate() { expire wap "$wap_host" serverAuth; }

scenario_tls_expired() {
    windows
    prepare=expired_certificate
    begin
    expect_alert 45
    fails ask_get 60
    arranged 1 'The certificate of the WAP ended with the year 2024.' \
        device-wap tls-handshake 'alert 45 (certificate expired) from the device'
}

scenario_tls_name() {
    windows
    prepare=true wap_host=portal.contoso.com
    begin
    expect ndes tcp 0
    expect device http 0
    fails ask_get 60
    arranged 1 'The certificate of the WAP is for portal.contoso.com, not for scep.contoso.com.' \
        device-wap tls-handshake 'the device closes when the handshake is complete'
}

scenario_tls_stalled_hello() {
    windows
    prepare=true wap_server=door_silent curl_options+=(--connect-timeout 4)
    begin
    expect device 'tls.handshake.type == 1' 1
    expect device 'tcp.srcport == 443 && tcp.len > 0' 0
    fails ask_get 28
    arranged 1 'The WAP takes the connection and never answers the ClientHello.' \
        device-wap tls-handshake 'no answer to the ClientHello, the device gives up after 4 s'
}

chain_certificate() { cat "$work/ca.crt" >>"$work/wap.crt"; }

# Between device and WAP, whatever is larger than 1400 octets disappears on its way to the device, without a word.
scenario_tls_stalled_certificate() {
    windows
    prepare=chain_certificate router=yes all_end=no curl_options+=(--connect-timeout 4)
    begin
    expect device 'tcp.srcport == 443 && tcp.len > 1348' 0
    expect wap 'tcp.srcport == 443 && tcp.len > 1348' some
    route forward filter 'oifname "towards-device" ip length > 1400 drop'
    fails ask_get 28
    sleep 1
    arranged 1 'The path from WAP to device swallows packets larger than 1400 octets (an MTU black hole).' \
        device-wap tls-handshake \
        'the first segment of ServerHello and Certificate never reaches the device, which gives up after 4 s'
}

scenario_tls_reset_hello() {
    windows
    prepare=true wap_server=door_reset
    begin
    expect device 'tcp.flags.reset == 1' 1
    expect device tls.handshake.extensions_server_name 1
    fails ask_get 35
    arranged 1 'The WAP answers the ClientHello with RST.' device-wap tls-handshake 'RST from the WAP after the ClientHello'
}

scenario_tls_reset_no_sni() {
    windows
    prepare=true wap_server=door_reset curl_options+=(-k)
    begin
    device_url=https://$wap_address$path
    expect device 'tcp.flags.reset == 1' 1
    expect device tls.handshake.extensions_server_name 0
    fails ask_get 35
    arranged 1 'The device calls the WAP by its address, hence sends no server name, and is answered with RST.' \
        device-wap tls-handshake 'RST from the WAP after a ClientHello without server name'
}

scenario_tls_client_certificate() {
    windows
    prepare=true wap_directives="ssl_client_certificate $work/ca.crt; ssl_verify_client on;"
    begin
    expect device 'http.response.code == 400' 1
    expect wap 'tls.handshake.type == 13' some
    expect ndes tcp 0
    fails ask_get 22
    arranged 1 'The WAP requires a client certificate, the device has none.' \
        device-wap get-ca-cert \
        'HTTP 400 (no required SSL certificate was sent) from the WAP, after a handshake without fault'
}

scenario_garbage_hello() {
    windows
    prepare=true wap_server=door_garbage
    begin
    expect device 'tls.handshake.type == 2' 0
    fails ask_get 35
    arranged 1 'The WAP answers the ClientHello with plain HTTP.' \
        device-wap tls-handshake 'the answer to the ClientHello is no TLS'
}

# --- TCP ---

scenario_tcp_refused() {
    windows
    begin
    expect device "$new_connection" 3
    expect device 'tcp.flags.reset == 1 && tcp.flags.ack == 1 && tcp.seq == 1 && tcp.ack == 1' 1
    windows_discovery
    stop nginx-wap
    sleep "${pauses[1]}"
    windows_request ask_get || ends_with 7
    arranged 1 'The WAP stops after the discovery: the connection for the PKIOperation is refused.' \
        device-wap tcp-handshake 'RST from the WAP after SYN'
}

scenario_tcp_no_answer() {
    windows
    router=yes curl_options+=(--connect-timeout 4)
    begin
    expect wap "$new_connection && ip.dst == 203.0.113.20" 2
    windows_discovery
    route forward filter 'oifname "towards-wap" tcp dport 443 drop'
    sleep "${pauses[1]}"
    windows_request ask_get || ends_with 28
    arranged 1 'After the discovery the path to the WAP swallows what goes to port 443.' \
        device-wap tcp-handshake 'no answer to SYN, the device gives up after 4 s'
}
