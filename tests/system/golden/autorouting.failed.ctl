<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>GPPROVIDER_9990001112_01021953_Example</To_DTS>
  <Subject>Report for patient Ms Ann Example , NHS Number 9990001112, X26ABC1</Subject>
  <LocalId>@LOCALID@</LocalId>
  <DTSId>@DTSID@</DTSId>
  <PartnerId></PartnerId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_GP_REPORT</WorkflowId>
  <ProcessId></ProcessId>
  <DataChecksum></DataChecksum>
  <IsCompressed>Y</IsCompressed>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>SEND</Event>
    <Status>ERROR</Status>
    <StatusCode>12</StatusCode>
    <Description>Unregistered to address</Description>
  </StatusRecord>
</DTSControl>
