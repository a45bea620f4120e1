<DTSControl>
<Version>1.0</Version>
<AddressType>DTS</AddressType>
<MessageType>Data</MessageType>
<From_DTS>X26ABC1</From_DTS>
<To_DTS>X26ABC2</To_DTS>
<Subject>Pathology</Subject>
<LocalId>path-1</LocalId>
<DTSId>RELAY–20110305111213-000123</DTSId>
<PartnerId></PartnerId>
<Compress>Y</Compress>
<Encrypted>N</Encrypted>
<WorkflowId>DEMO_PATH</WorkflowId>
<ProcessId></ProcessId>
<DataChecksum></DataChecksum>
<IsCompressed >Y</IsCompressed >
<StatusRecord>
<DateTime>20110305111500</DateTime>
<Event>Transfer to relay</Event>
<Status>Success</Status>
<StatusCode>0</StatusCode>
<Description></Description>
</StatusRecord>
</DTSControl>
