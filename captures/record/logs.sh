# SPDX-License-Identifier: GPL-2.0-or-later
# The logs of the products themselves, beside the captures: IIS's and HTTP.sys's by nginx, NDESPlugin.log and CRP.log by
# the stand-ins. What each sample shows is in samples/logs.md. Sourced by record.
#
# Most are captured at NDES alone, and the device calls NDES in plain HTTP: what is outside is in the other samples.

iis_fields='date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer)'
iis_fields+=' sc-status sc-substatus sc-win32-status'
httperr_fields='date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status s-siteid s-reason'
httperr_fields+=' s-queuename'

# logs: what these scenarios have in common; to be called before begin.
logs() {
    behind
    product_logs=yes
    module_options+=(--product-log "$(product_file ndes NDESPlugin.log)")
    crp_options+=(--product-log "$(product_file crp CRP.log)")
    # shellcheck disable=SC2016 # nginx's variable
    ndes_directives='proxy_set_header X-Request-ID $request_id;'
    ndes_directives+="location /iis/ { $(to_iis) } location /http.sys/ { $(to_iis) keepalive_timeout 0; }"
}

# connector: the CRP is Intune's connector, and its log a service trace.
connector() {
    crp_base=$old_connector
    crp_options+=(--product-log-form svclog
        --product-log "$(product_file crp "CertificateRegistrationPoint_$(date -u +%d_%m_%Y_%H_%M_%S).svclog")")
}

# product_file HOST NAME: where HOST writes a log of its own.
product_file() { mkdir -p "$work/product/$1"; echo "$work/product/$1/$2"; }

# clock_of HOST: the environment of a program that lives by the clock of HOST, as words for env.
clock_of() {
    echo "TZ=${zones[$1]:-UTC}"
    # nginx empties the environment of its workers: what was read once stays.
    [[ -z ${ahead[$1]:-} ]] || echo "FAKETIME=+${ahead[$1]} FAKETIME_CACHE_DURATION=86400 LD_PRELOAD=$(clock_library)"
}

clock_library() { echo /usr/lib/*/faketime/libfaketimeMT.so.1; }

# --- what nginx writes ---

# iis_answers: nginx's words for what comes of iis.py, whose X-IIS-… fields are for the logs alone.
iis_answers() {
    local field
    echo 'proxy_pass_header Server;'
    for field in Substatus Win32 Reason Queue; do
        echo "proxy_hide_header X-IIS-$field;"
    done
}

to_iis() {
    echo 'internal; proxy_pass http://127.0.0.1:8084; proxy_pass_request_body off; proxy_set_header Content-Length "";'
    iis_answers
}

# iis_refuses: stands by to answer for IIS or HTTP.sys at NDES.
iis_refuses() {
    start ndes iis python3 "$here/iis.py"
    until_true 'the answers of IIS' listens ndes 8084
}

# w3c FILE SOFTWARE DATE FIELDS: begins a log.
w3c() { printf '#Software: %s\r\n#Version: 1.0\r\n#Date: %s\r\n#Fields: %s\r\n' "$2" "$3" "$4" >"$1"; }

# iis_logs HOST: nginx's words for IIS's log, HTTP.sys's, and for each what joins a line to its request (….joins). What
# HTTP.sys refuses does not come to IIS.
iis_logs() {
    local host=$1 more='' values='' date iis httperr
    if [[ $host == crp ]]; then
        more=' sc-bytes cs-bytes'
        # shellcheck disable=SC2016 # nginx's variables
        values=' $bytes_sent $request_length'
    fi
    # shellcheck disable=SC2046 # words
    date=$(env $(clock_of "$host") TZ=UTC date '+%F %T')
    iis=$(product_file "$host" "u_ex$(date -d "$date" +%y%m%d).log") httperr=$(product_file "$host" httperr1.log)
    w3c "$iis" 'Microsoft Internet Information Services 10.0' "$date" "$iis_fields$more time-taken"
    w3c "$httperr" 'Microsoft HTTP API 2.0' "$date" "$httperr_fields"
    iis_values
    cat <<END
    log_format iis escape=none '\$iis_time \$server_addr \$request_method \$iis_stem \$iis_query \$server_port - '
        '\$remote_addr \$iis_agent \$iis_referer \$status \$iis_substatus \$iis_win32$values \$iis_milliseconds\r';
    log_format httperr escape=none '\$iis_time \$remote_addr \$remote_port \$server_addr \$server_port HTTP/1.1 '
        '\$httperr_method \$httperr_uri - \$status \$httperr_site '
        '\$upstream_http_x_iis_reason \$upstream_http_x_iis_queue\r';
    log_format join escape=json '{"client":"\$remote_addr","client_port":\$remote_port,'
        '"request_of_connection":\$connection_requests,"request":"\$request","request_id":"\$request_id"}';
    access_log $iis iis if=\$is_iis;
    access_log $iis.joins join if=\$is_iis;
    access_log $httperr httperr if=\$is_httperr;
    access_log $httperr.joins join if=\$is_httperr;
END
}

# What IIS makes of what nginx knows: UTC in whole seconds, "-" for nothing, "..." for a query of more than 4096 octets,
# "+" for a blank; of a URI, HTTP.sys's log has 4096 octets.
iis_values() {
    local blank
    cat <<'END'
    map $time_iso8601 $iis_time { "~^(?<iis_day>[^T]+)T(?<iis_clock>.{8})" "$iis_day $iis_clock"; }
    map $request_time $iis_milliseconds {
        default 0;
        "~^0\.0*(?<iis_small>[1-9]\d*)$" $iis_small;
        "~^(?<iis_seconds>[1-9]\d*)\.(?<iis_rest>\d{3})$" $iis_seconds$iis_rest;
    }
    map $request_uri $iis_stem { default -; "~^(?<iis_path>[^?]+)" $iis_path; }
    map $request_uri $iis_query { default -; "~\?.{4097}" ...; "~\?(?<iis_arguments>.+)$" $iis_arguments; }
    map $http_referer $iis_referer { "" -; default $http_referer; }
    map $upstream_http_x_iis_substatus $iis_substatus { "" 0; default $upstream_http_x_iis_substatus; }
    map $upstream_http_x_iis_win32 $iis_win32 { "" 0; default $upstream_http_x_iis_win32; }
    map $upstream_http_x_iis_reason $is_iis { "" 1; default 0; }
    map $upstream_http_x_iis_reason $is_httperr { "" 0; default 1; }
    map $upstream_http_x_iis_queue $httperr_site { "-" -; default 1; }
    map $request $httperr_method { default -; "~^(?<httperr_verb>[A-Z]+) " $httperr_verb; }
    map $request $httperr_uri { default -; "~^[A-Z]+ (?<httperr_target>[^ ]{1,4096})" $httperr_target; }
    map $http_user_agent $iis_agent_0 { "" -; default $http_user_agent; }
END
    # A map replaces one blank.
    for blank in {1..12}; do
        echo "map \$iis_agent_$((blank - 1)) \$iis_agent_$blank { default \$iis_agent_$((blank - 1));" \
            "\"~^(?<agent_${blank}_a>[^ ]*) (?<agent_${blank}_b>.*)\$\" \$agent_${blank}_a+\$agent_${blank}_b; }"
    done
    # shellcheck disable=SC2016 # nginx's variables
    echo 'map $iis_agent_12 $iis_agent { default $iis_agent_12; }'
}

# keep_product_logs: in the sample, with what they are joined to.
keep_product_logs() {
    local host clocks=()
    for host in ndes crp; do
        clocks+=("$host,${zones[$host]:-UTC},${ahead[$host]:-0}")
    done
    "$here/logs.py" "$work" "$ndes_address" "${clocks[@]}"
}

# --- the scenarios ---

scenario_logs_healthy() {
    logs
    wap=yes inner_scheme=https captured='device wap ndes crp' cloud=mdm pauses=(2 4) size_limit=320000
    # As long as Intune's, so that IIS does not log the query.
    challenge=$(openssl rand -hex 700)
    begin
    expect device "$new_connection" 4
    expect wap "$new_connection" 8
    crp_connections 2
    device_syncs
    sleep 2
    enrols 0 ask_get
    arranged 1 'As behind-healthy; NDES and the CRP log it.'
}

scenario_logs_connector() {
    logs
    connector
    begin
    enrols 0
    arranged 1 "As intune-connector; NDES and the connector log it."
}

# --- whose clock it is ---

scenario_logs_zone() {
    logs
    zones=([ndes]=Europe/Berlin [crp]=Asia/Kolkata)
    begin
    enrols 0
    arranged 1 'NDES is in Berlin, the CRP in Kolkata; all is well.'
}

scenario_logs_zone_west() {
    logs
    zones=([ndes]=America/Los_Angeles [crp]=America/Los_Angeles)
    begin
    enrols 0
    arranged 1 'NDES and the CRP are in Los Angeles; all is well.'
}

scenario_logs_skewed() {
    logs
    ahead=([crp]=3.2)
    begin
    enrols 0
    arranged 1 'The clock of the CRP is 3.2 s ahead of that of NDES; all is well.'
}

scenario_logs_ten() {
    logs
    crowd=10 crowd_pause=0.15 prepare=crowd_messages ra=no size_limit=700000
    crp_options+=(--verify-delay 1.5) ca_options=(--delay 0.1)
    begin
    crp_connections 20
    crowd_enrols
    all_ten_issued
    arranged 10 'Ten Windows devices enrol at the same time, and the CRP takes 1.5 s for each VerifyRequest.'
}

# --- the CRP says no ---

scenario_logs_challenge_false() {
    logs
    crp_options+=(--refuse subject --subject 'CN=message-pc.contoso.com,OU=MDM,O=scep-client,C=US')
    begin
    enrols 2
    arranged 1 'The subject of the request is not the one that the challenge was made for.' \
        ndes-crp verify-request 'HTTP 201 with false from the CRP, in phase 3'
}

scenario_logs_key_usage() {
    logs
    crp_options+=(--refuse key-usage)
    begin
    enrols 2
    arranged 1 'The key usage of the request is not the one that the challenge was made for.' \
        ndes-crp verify-request 'HTTP 201 with false from the CRP, in phase 3'
}

scenario_logs_signing_certificate() {
    logs
    connector
    crp_options+=(--refuse signing-certificate)
    begin
    enrols 2
    arranged 1 "Intune's connector does not find its signing certificate." \
        ndes-crp verify-request 'HTTP 201 with false from the CRP, in phase 1'
}

scenario_logs_403_16() {
    logs
    module_certificate=client prepare=other_client_certificate
    crp_refuses 403 'HTTP 403.16 from the CRP' 'The CRP does not trust the issuer of the client certificate.'
}

scenario_logs_403_7() {
    logs
    module_certificate=''
    crp_refuses 403 'HTTP 403.7 from the CRP' 'The policy module has no client certificate.'
}

# --- the CRP is not reached ---

scenario_logs_12175() {
    logs
    crp_name=portal.contoso.com
    begin
    crp_connections 1
    expect ndes 'http.request && tcp.dstport == 443' 0
    enrols 2
    arranged 1 'The certificate of the CRP is for portal.contoso.com.' \
        ndes-crp tls-handshake 'the policy module does not accept the name in the certificate'
}

scenario_logs_12029() {
    logs
    crp_server=true
    begin
    expect ndes 'tcp.srcport == 443 && tcp.flags.reset == 1' 1
    enrols 2
    arranged 1 'Nothing listens at the CRP.' ndes-crp tcp-handshake 'RST from the CRP after SYN'
}

scenario_logs_12002() {
    logs
    module_options+=(--timeout 3) crp_server=crp_swallows
    begin
    expect ndes 'tcp.srcport == 443' 0
    enrols 2
    arranged 1 'The CRP swallows what goes to port 443.' \
        ndes-crp tcp-handshake 'no answer to SYN, the policy module gives up after 3 s'
}

# --- the CRP is not told ---

scenario_logs_no_notify() {
    logs
    module_options+=(--no-notify)
    begin
    crp_connections 1
    enrols 0
    arranged 1 'The certificate is issued, and the policy module ends without Notify.' ndes-crp notify 'no request'
}

scenario_logs_notify_failed() {
    logs
    crp_options+=(--notify-error 500.0)
    begin
    crp_connections 2
    enrols 0
    arranged 1 'The CRP fails at Notify; the device has its certificate all the same.' \
        ndes-crp notify 'HTTP 500.0 from the CRP'
}

# --- NDES refuses ---

# through_wap: so that it is clear whose requests NDES gets.
through_wap() {
    logs
    wap=yes wap_directives='large_client_header_buffers 4 32k;'
}

# ndes_refuses STATUS STEP HOW WHAT: the device goes until it gets this status, and the CRP is never called.
ndes_refuses() {
    begin
    iis_refuses
    expect ndes "http.response.code == $1 && ip.src == $ndes_address" 1
    crp_connections 0
    fails ask_get 22
    arranged 1 "$4" wap-ndes "$2" "$3"
}

scenario_logs_500_impersonation() {
    through_wap
    prepare=true
    ndes_directives+='rewrite ^ /iis/500.0/1346? last;'
    ndes_refuses 500 get-ca-cert 'HTTP 500.0 from NDES, error 1346' \
        'NDES may not impersonate its clients: it fails at every request.'
}

scenario_logs_404_15() {
    through_wap
    # shellcheck disable=SC2016 # nginx's variable
    ndes_directives+='if ($request_uri ~ "\?.{2049}") { rewrite ^ /iis/404.15? last; }'
    ndes_refuses 404 pki-operation 'HTTP 404.15 from NDES' \
        'Request filtering of IIS takes no query of more than 2048 octets, its default.'
}

# So long a challenge that its request is too long.
scenario_logs_field_length() {
    through_wap
    challenge=$(openssl rand -hex 5200)
    ndes_directives+='client_header_buffer_size 1k; large_client_header_buffers 4 16k;
        error_page 414 = /http.sys/400/FieldLength;'
    ndes_refuses 400 pki-operation 'HTTP 400 from HTTP.sys of NDES' \
        'HTTP.sys takes no field of more than 16384 octets in the head of a request, its default.'
}

scenario_logs_pool_stopped() {
    through_wap
    ndes_directives+="if (-f $work/stopped) { rewrite ^ /http.sys/503? last; }"
    begin
    iis_refuses
    expect ndes "http.response.code == 503 && ip.src == $ndes_address" 1
    crp_connections 0
    windows_discovery
    touch "$work/stopped"
    sleep "${pauses[1]}"
    windows_request ask_post || ends_with 22
    arranged 1 "NDES's application pool stops after the discovery; HTTP.sys answers." \
        wap-ndes pki-operation 'HTTP 503 from HTTP.sys of NDES'
}

# --- the WAP does not come through ---

# NDES's log goes on meanwhile: a monitor on the host of the CRP looks at NDES, which answers it with 403, as it should;
# of that only the product's log tells.
scenario_logs_not_forwarded() {
    local log
    through_wap
    captured='device wap' wap_directives='proxy_connect_timeout 2s;'
    log=$(product_file ndes "u_ex$(date -u +%y%m%d).log")
    ndes_directives+="location /monitor/ { $(to_iis) access_log $log iis; access_log $log.joins join; }"
    # shellcheck disable=SC2016 # nginx's variable
    ndes_directives+='if ($args = "") { rewrite ^ /monitor/403.0? last; }'
    begin
    iis_refuses
    expect device 'http.response.code == 504' 1
    windows_discovery
    ndes_swallows 'ip saddr 198.51.100.20'
    monitor_looks
    sleep "${pauses[1]}"
    windows_request ask_post || ends_with 22
    monitor_looks
    arranged 1 'After the discovery NDES swallows what comes from the WAP: the WAP answers the PKIOperation with 504.' \
        wap-ndes tcp-handshake 'no answer to SYN, the WAP gives up after 2 s'
}

# ndes_swallows WHAT: in nftables' words.
ndes_swallows() {
    on ndes nft $'table ip scep {\n chain extra {\n type filter hook input priority 0;\n'"$1"$' drop\n}\n}'
}

monitor_looks() {
    on crp curl -q --silent --output /dev/null -A 'Contoso Monitor/1.0' "http://$ndes_address$path"
}
