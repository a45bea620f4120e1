<DTSControl>
<Version>1.0</Version>
<AddressType>ALL</AddressType>
<MessageType>Data</MessageType>
<From_DTS>X26ABC2</From_DTS>
<To_DTS>X26ABC1</To_DTS>
<From_ESMTP>[not given]</From_ESMTP>
<To_ESMTP>[not given]</To_ESMTP>
<Subject>Weekly extract</Subject>
<LocalId>rules - final.tar.gz</LocalId>
<DTSId>20260614083012123456_A1B2C3</DTSId>
<PartnerId></PartnerId>
<Compress>N</Compress>
<Encrypted>N</Encrypted>
<WorkflowId>DEMO_RESULTS</WorkflowId>
<ProcessId></ProcessId>
<DataChecksum></DataChecksum>
<IsCompressed>N</IsCompressed>
<StatusRecord>
<DateTime>20260614093012</DateTime>
<Event>TRANSFER</Event>
<Status>SUCCESS</Status>
<StatusCode>00</StatusCode>
<Description>Transferred to recipient mailbox</Description>
</StatusRecord>
</DTSControl>
