<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26NONE</To_DTS>
  <Subject>Clinic letters</Subject>
  <LocalId>letters-0417</LocalId>
  <DTSId>@DTSID@</DTSId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
  <IsCompressed>Y</IsCompressed>
  <AllowChunking>Y</AllowChunking>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>SEND</Event>
    <Status>ERROR</Status>
    <StatusCode>12</StatusCode>
    <Description>Unregistered to address</Description>
  </StatusRecord>
</DTSControl>
