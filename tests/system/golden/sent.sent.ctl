<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
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
    <Event>TRANSFER</Event>
    <Status>SUCCESS</Status>
    <StatusCode>00</StatusCode>
    <Description>Data Transfer success confirmation.</Description>
  </StatusRecord>
</DTSControl>
